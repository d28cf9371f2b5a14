"""The slide service as seen from the laboratory."""

import time
from collections.abc import Callable
from typing import Self, TypeVar

from vslide.messages import (
    REPLIES,
    AbortRun,
    AskHealth,
    AskRun,
    FinishRun,
    ForgetRun,
    Health,
    OpenRun,
    RunOpened,
    RunStatus,
)
from vslide.model import SlideHeader
from wire import Client, Message, RemoteError, Security, parse_address

Reply = TypeVar("Reply", bound=Message)
OPENING = "opening"  # the service's word for a writer that is not ready yet
LOOK_S = 0.1


class SlideService:
    """One method for each request. Every call raises ``wire.Timeout`` when the service does not answer and
    ``wire.RemoteError`` (with its ``code`` and ``retryable``) when it refuses. Not for use by several
    threads. With keys the service's address is ``tcp://host:port?keys=FILE&server=FILE``.
    """

    def __init__(
        self, address: str, *, timeout_s: float = 5.0, retries: int = 2, security: Security | None = None
    ) -> None:
        endpoint, named = parse_address(address)
        self._client = Client(
            endpoint, REPLIES, timeout_s=timeout_s, retries=retries, security=security or named
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        self._client.close()

    def open_run(
        self,
        *,
        run_id: str,
        slide_id: str,
        fence: int,
        header: SlideHeader,
        planned: int,
        patience_s: float = 60.0,
        while_waiting: Callable[[], None] = lambda: None,
    ) -> RunOpened:
        """Begin or take over a run: where its pixels go, and which planes are safe already.

        A long journal takes its time to be read: until ``patience_s`` is over the service is asked again, and
        ``while_waiting`` is called in between.
        """
        request = OpenRun(run_id=run_id, slide_id=slide_id, fence=fence, header=header, planned=planned)
        until = time.monotonic() + patience_s
        while True:
            try:
                return self._ask(request, RunOpened)
            except RemoteError as error:
                if error.code != OPENING or time.monotonic() > until:
                    raise
            while_waiting()
            time.sleep(LOOK_S)

    def finish(self, run_id: str, fence: int) -> RunStatus:
        return self._ask(FinishRun(run_id=run_id, fence=fence), RunStatus)

    def ask(self, run_id: str) -> RunStatus:
        return self._ask(AskRun(run_id=run_id), RunStatus)

    def abort(self, run_id: str, fence: int, reason: str = "") -> RunStatus:
        return self._ask(AbortRun(run_id=run_id, fence=fence, reason=reason), RunStatus)

    def forget(self, run_id: str) -> RunStatus:
        return self._ask(ForgetRun(run_id=run_id), RunStatus)

    def health(self) -> Health:
        return self._ask(AskHealth(), Health)

    def _ask(self, request: Message, kind: type[Reply]) -> Reply:
        reply, _ = self._client.call(request)
        if not isinstance(reply, kind):
            raise RemoteError(f"the slide service answered {type(reply).__name__}, not {kind.__name__}")
        return reply
