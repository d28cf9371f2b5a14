"""Files leave in blocks, whatever serves them."""

import asyncio
from pathlib import Path

import pytest

from core.files import BLOCK_BYTES, FileDownload


@pytest.mark.django_db  # a response that is closed closes old connections
def test_it_sends_a_file_in_blocks(tmp_path: Path) -> None:
    content = bytes(range(256)) * 3000
    file = tmp_path / "slide.svs"
    file.write_bytes(content)
    response = FileDownload(file.open("rb"))

    async def blocks() -> list[bytes]:
        return [block async for block in response]

    received = asyncio.run(blocks())
    response.close()
    assert b"".join(received) == content
    assert max(map(len, received)) <= BLOCK_BYTES


def test_it_sends_nothing_for_nothing() -> None:
    async def blocks() -> list[bytes]:
        return [block async for block in FileDownload(())]

    assert asyncio.run(blocks()) == []
