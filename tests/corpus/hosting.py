"""A host of plain files as a release site needs one: GET with byte ranges, and nothing else."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Host(SimpleHTTPRequestHandler):
    """`ranges` False: answers with the whole file, as a host that knows none does."""

    def __init__(self, *args: object, ranges: bool, asked: list[tuple[str, str]], **kwargs: object) -> None:
        self.ranges, self.asked = ranges, asked
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        self.asked.append((self.path, self.headers.get("Range", "")))
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        file = Path(self.translate_path(self.path))
        if not (wanted and self.ranges and file.is_file()):
            super().do_GET()
            return
        first, last = int(wanted[1]), min(int(wanted[2]), file.stat().st_size - 1)
        with file.open("rb") as stream:
            stream.seek(first)
            part = stream.read(last + 1 - first)
        self.send_response(HTTPStatus.PARTIAL_CONTENT)
        self.send_header("Content-Range", f"bytes {first}-{last}/{file.stat().st_size}")
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        self.wfile.write(part)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def hosted(root: Path, *, ranges: bool = True) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """(address, what was asked for: path and Range header)."""
    asked: list[tuple[str, str]] = []
    handler = partial(Host, directory=str(root), ranges=ranges, asked=asked)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
