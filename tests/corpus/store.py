"""A small S3-compatible store in this process: it checks signatures and hashes, creates only, and can be
told to fail.
"""

import hashlib
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, unquote, urlsplit

from corpus.s3.signing import Keys, Request, signed_headers

KEYS = Keys("AKIDEXAMPLE", "a secret of the tests")
REGION = "eu-test-1"


@dataclass
class Held:
    content: bytes
    sha256: str


@dataclass
class Store:
    """`then` says what becomes of the next requests: a status that is answered, 0 for a connection that is
    cut, None for what is right.
    """

    address: str = ""
    objects: dict[str, Held] = field(default_factory=dict)
    uploads: dict[str, dict[int, bytes]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    then: deque[int | None] = field(default_factory=deque)
    hashes: dict[str, str] = field(default_factory=dict)


class Handler(BaseHTTPRequestHandler):
    store: Store

    def do_HEAD(self) -> None:
        if self._begin() is not None:
            held = self.store.objects.get(self.key)
            self._answer(200 if held else 404, {"x-amz-meta-sha256": held.sha256} if held else {})

    def do_PUT(self) -> None:
        body = self._begin()
        if body is None:
            return
        if "partNumber" in self.query:
            self.store.uploads[self.query["uploadId"]][int(self.query["partNumber"])] = body
            self._answer(200, {"etag": f'"{hashlib.md5(body).hexdigest()}"'})  # noqa: S324  as stores do
        else:
            self._create(body, self.headers.get("x-amz-meta-sha256", ""))

    def do_POST(self) -> None:
        body = self._begin()
        if body is None:
            return
        if "uploads" in self.query:
            name = f"up-{len(self.store.uploads)}"
            self.store.uploads[name] = {}
            self.store.hashes[name] = self.headers.get("x-amz-meta-sha256", "")
            self._answer(200, {}, f"<R><UploadId>{name}</UploadId></R>".encode())
        else:
            name = self.query["uploadId"]
            parts = self.store.uploads[name]
            if self._create(b"".join(parts[number] for number in sorted(parts)), self.store.hashes[name]):
                del self.store.uploads[name]

    def do_DELETE(self) -> None:
        if self._begin() is not None:
            self.store.uploads.pop(self.query["uploadId"], None)
            self._answer(204)

    def _create(self, body: bytes, sha256: str) -> bool:
        if self.headers.get("if-none-match") != "*" or self.key in self.store.objects:
            self._answer(412, {}, b"<Error><Code>PreconditionFailed</Code></Error>")
            return False
        self.store.objects[self.key] = Held(body, sha256)
        self._answer(200)
        return True

    def _begin(self) -> bytes | None:
        """The body, or None where the request was answered already."""
        place = urlsplit(self.path)
        self.key = unquote(place.path)
        self.query = dict(parse_qsl(place.query, keep_blank_values=True))
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        self.store.asked.append((self.command, self.key))
        fault = self.store.then.popleft() if self.store.then else None
        if fault == 0:
            self.close_connection = True
            self.connection.close()
            return None
        if fault:
            self._answer(fault, {}, b"<Error><Code>Fault</Code></Error>")
            return None
        if not self._signed():
            self._answer(403, {}, b"<Error><Code>SignatureDoesNotMatch</Code></Error>")
            return None
        if hashlib.sha256(body).hexdigest() != self.headers["x-amz-content-sha256"]:
            self._answer(400, {}, b"<Error><Code>XAmzContentSHA256Mismatch</Code></Error>")
            return None
        return body

    def _signed(self) -> bool:
        given = self.headers.get("authorization", "")
        names = given.partition("SignedHeaders=")[2].partition(",")[0].split(";")
        own = {name: self.headers[name] for name in names if not name.startswith("x-amz-date")}
        own.pop("x-amz-content-sha256", None)
        moment = datetime.strptime(self.headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        asked = Request(self.command, self.key, self.query, own, self.headers["x-amz-content-sha256"])
        return signed_headers(asked, KEYS, REGION, moment)["authorization"] == given

    def _answer(self, status: int, headers: dict[str, str] | None = None, body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def stored() -> Iterator[Store]:
    store = Store()
    handler = type("Bound", (Handler,), {"store": store})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    store.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield store
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
