"""One simulated viewer: asks a web server for what the engine in a browser asks for, as people look about.

The same blocks and batches as viewer/static/viewer/engine/blocks.js, so that the addresses are the same for
everybody, and nothing is asked for twice.
"""

import http.client
import json
import math
import random
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

BATCH_BYTES, BATCH_BLOCKS = 1 << 21, 32
AT_ONCE = 6  # requests of one browser to one server, as HTTP/1.1 has it
SCREEN = (1920, 1080)
THINKS_S = (1.0, 3.0)
VIEWS = 20  # of one slide
LAYERS = (16, 8, 4, 4, 4, 1)  # what a person looks at, as often as it stands here
PATIENCE_S = 30.0


@dataclass
class Seen:
    """What one viewer met: milliseconds of each request, how many failed, bytes."""

    ms: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    bytes: int = 0
    views: int = 0


class Viewer(threading.Thread):
    """Looks at one slide after the other until `leave`."""

    def __init__(self, port: int, cookie: str, slides: Sequence[str], seed: int) -> None:
        super().__init__(daemon=True)
        self._port, self._headers, self._slides = port, {"Cookie": cookie}, slides
        self._dice = random.Random(seed)
        self._left = threading.Event()
        self.seen = Seen()

    def leave(self) -> None:
        self._left.set()

    def run(self) -> None:
        self._left.wait(self._dice.uniform(0, THINKS_S[1]))  # they do not come all at once
        while not self._left.is_set():
            uid = self._dice.choice(self._slides)
            header = json.loads(self._get(f"/viewer/{uid}/header.json") or b"null")
            self._get(f"/viewer/{uid}/histogram.json")
            if header is None:
                self._left.wait(THINKS_S[1])
            else:
                self._look(uid, header)

    def _look(self, uid: str, header: Mapping[str, Any]) -> None:
        known: set[str] = set()
        for number in range(VIEWS):
            layer = 16 if number == 0 else self._dice.choice(LAYERS)
            wanted = [url for url in self._batches(header, layer) if url not in known]
            known.update(wanted)
            self._fetch([f"/viewer/{uid}/chunks?v={header['version']}&{part}" for part in wanted])
            self.seen.views += 1
            if self._left.wait(self._dice.uniform(*THINKS_S)):
                return

    def _batches(self, header: Mapping[str, Any], downsample: int) -> list[str]:
        """The query of each batch that a view of this layer somewhere on the slide needs."""
        levels = [level for level in header["levels"] if level["downsample"] <= downsample]
        level = levels[-1]
        wide, tall = (side * level["downsample"] for side in SCREEN)
        left = self._dice.uniform(0, max(0.0, header["width"] - wide))
        top = self._dice.uniform(0, max(0.0, header["height"] - tall))
        blocks = set(blocks_in(header, level, (left, top, left + wide, top + tall)))
        channels = len(header["channels"])
        sample = 2 if header["dtype"] == "uint16" else 1
        size = level["fieldsPerChunk"] * level["chunkHeight"] * level["chunkWidth"] * sample * channels
        many = max(1, min(BATCH_BLOCKS, BATCH_BYTES // size))
        last, asked = block_count(header, level) - 1, ",".join(map(str, range(channels)))
        batches = sorted({block // many for block in blocks})
        ranges = [f"{batch * many}-{min(last, (batch + 1) * many - 1)}" for batch in batches]
        return [f"level={level['downsample']}&blocks={blocks}&channels={asked}" for blocks in ranges]

    def _fetch(self, urls: Sequence[str]) -> None:
        waiting = list(urls)

        def carry() -> None:
            server = self._connection()
            try:
                while waiting and not self._left.is_set():
                    self._ask(server, waiting.pop())
            except IndexError:
                return  # another one took the last
            finally:
                server.close()

        hands = [threading.Thread(target=carry, daemon=True) for _ in range(min(AT_ONCE, len(urls)))]
        for hand in hands:
            hand.start()
        for hand in hands:
            hand.join()

    def _get(self, url: str) -> bytes | None:
        server = self._connection()
        try:
            return self._ask(server, url, measured=False)
        finally:
            server.close()

    def _connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE_S)

    def _ask(self, server: http.client.HTTPConnection, url: str, *, measured: bool = True) -> bytes | None:
        began = time.perf_counter()
        try:
            server.request("GET", url, headers=self._headers)
            answer = server.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException) as error:
            server.close()
            self.seen.errors.append(f"{url}: {type(error).__name__}")
            return None
        if answer.status != 200:
            self.seen.errors.append(f"{url}: {answer.status}")
            return None
        if measured:
            self.seen.ms.append(1e3 * (time.perf_counter() - began))
            self.seen.bytes += len(body)
        return body


def block_count(header: Mapping[str, Any], level: Mapping[str, Any]) -> int:
    rows, columns = _rows_columns(level)
    return -(-len(header["fields"]["x"]) // int(level["fieldsPerChunk"])) * rows * columns


def _rows_columns(level: Mapping[str, Any]) -> tuple[int, int]:
    return math.ceil(level["height"] / level["chunkHeight"]), math.ceil(level["width"] / level["chunkWidth"])


def blocks_in(
    header: Mapping[str, Any], level: Mapping[str, Any], box: tuple[float, float, float, float]
) -> Iterator[int]:
    """Blocks of a layer whose pixels lie in a box of the slide (left, top, right, bottom in px)."""
    fields = header["fields"]
    rows, columns = _rows_columns(level)
    high, wide = (level[side] * level["downsample"] for side in ("chunkHeight", "chunkWidth"))
    left, top, right, bottom = box
    for number, (x, y) in enumerate(zip(fields["x"], fields["y"], strict=True)):
        group = number // level["fieldsPerChunk"]
        for row in range(rows):
            for column in range(columns):
                at_x, at_y = x + column * wide, y + row * high
                across = min(at_x + wide, x + fields["width"])
                down = min(at_y + high, y + fields["height"])
                if at_x < right and across > left and at_y < bottom and down > top:
                    yield (group * rows + row) * columns + column
