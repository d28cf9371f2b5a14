"""The night's stream of server-sent events: a look every second, a word when something has changed."""

import asyncio
from collections.abc import AsyncIterator

from asgiref.sync import sync_to_async
from django.db import connections

from scanning import queries

LOOK_S = 1.0
SIGN_OF_LIFE = 15  # looks without news after which a comment keeps proxies from closing the stream
MOST_LOOKS = 3600  # then the browser connects again: nobody who has lost their role looks for ever


async def beats(batch_id: int) -> AsyncIterator[str]:
    """`data: <word>` whenever the night of this batch has moved."""
    last, silent = "", 0
    for _ in range(MOST_LOOKS):
        now = await sync_to_async(_look)(batch_id)
        silent = 0 if now != last else silent + 1
        if now != last:
            yield f"data: {now}\n\n"
        elif silent % SIGN_OF_LIFE == 0:
            yield ": nothing new\n\n"
        last = now
        await asyncio.sleep(LOOK_S)


def _look(batch_id: int) -> str:
    """A stream stays open for an hour; its connection to the database does not."""
    try:
        return queries.pulse(batch_id)
    finally:
        connections.close_all()
