"""One bucket of an S3-compatible store. What may pass is tried again; what is there is never written over."""

import hashlib
import http.client
import io
import re
import time
import xml.sax.saxutils
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final
from urllib.parse import urlsplit

from core.errors import BadInput, Conflict, NotAllowed, Unavailable
from corpus.s3.signing import NOTHING, Keys, Request, quoted_path, quoted_query, signed_headers

PART: Final = 64 << 20
"""Bytes of a part; a file of more than one is sent in parts."""
MOST_PARTS: Final = 10_000
TIMEOUT_S: Final = 60.0
PAUSES_S: Final = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Before each further try."""
MOST_ANSWER: Final = 1 << 20
PASSING: Final = frozenset({408, 429, 500, 502, 503, 504})
HASH: Final = "x-amz-meta-sha256"
_UPLOAD: Final = re.compile(rb"<UploadId>([^<]{1,1024})</UploadId>")
_CODE: Final = re.compile(rb"<Code>([A-Za-z0-9]{1,60})</Code>")


@dataclass(frozen=True, slots=True)
class Answer:
    """``code``: the store's own word for what went wrong."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def code(self) -> str:
        found = _CODE.search(self.body)
        return found.group(1).decode() if found else ""


class Bucket:
    """``endpoint`` as https://host[:port]; the bucket is the first part of each path."""

    def __init__(
        self,
        endpoint: str,
        name: str,
        keys: Keys,
        region: str,
        *,
        part: int = PART,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        address = urlsplit(endpoint)
        if address.scheme not in ("http", "https") or not address.hostname or address.path not in ("", "/"):
            raise BadInput("S3_ENDPOINT is an address such as https://s3.example.org.")
        self._secure, self._host = address.scheme == "https", address.netloc
        self.name, self._keys, self._region = name, keys, region
        self._part, self._sleep = part, sleep

    def create(self, key: str, file: Path, sha256: str) -> bool:
        """Store the file under a key where there is nothing; False where the same bytes are there already.

        Raises Conflict where other bytes are there, or the file is not that of ``sha256`` (hex); NotAllowed;
        BadInput for what the store will not take; Unavailable (retryable) where it does not answer.
        """
        there = self._there(key)
        if there is not None:
            return self._same(key, there, sha256)
        send = self._whole if file.stat().st_size <= self._part else self._in_parts
        answer = send(key, file, sha256)
        if answer.status in (409, 412):  # somebody was faster
            return self._same(key, self._there(key), sha256)
        self._check(answer, key)
        return True

    def _same(self, key: str, there: str | None, sha256: str) -> bool:
        if there != sha256:
            raise Conflict(f"There is something else under {key}: nothing is written over.", key=key)
        return False

    def _there(self, key: str) -> str | None:
        """The SHA-256 that an object says it has (empty for one that says none); None where there is none."""
        answer = self._ask("HEAD", key)
        if answer.status == 404:
            return None
        self._check(answer, key)
        return answer.headers.get(HASH, "")

    def _whole(self, key: str, file: Path, sha256: str) -> Answer:
        about = {HASH: sha256, "if-none-match": "*"}
        return self._ask("PUT", key, headers=about, body=lambda: file.open("rb"), payload=sha256)

    def _in_parts(self, key: str, file: Path, sha256: str) -> Answer:
        """The hash of the whole is made again of what is sent: a file that changed meanwhile is left out."""
        size = file.stat().st_size
        part = max(self._part, -(-size // MOST_PARTS))
        begun = self._ask("POST", key, query={"uploads": ""}, headers={HASH: sha256})
        self._check(begun, key)
        found = _UPLOAD.search(begun.body)
        if not found:
            raise Unavailable("The store began no upload.")
        upload = {"uploadId": found.group(1).decode()}
        try:
            tags, sent = self._parts(key, file, part, upload)
            if sent != sha256:
                raise Conflict(f"{file.name} is not as it was published.", key=key)
            done = _completed(tags)
            answer = self._ask(
                "POST", key, query=upload, headers={"if-none-match": "*"}, body=lambda: io.BytesIO(done),
                payload=hashlib.sha256(done).hexdigest(),
            )  # fmt: skip
            if answer.status == 200 and answer.code:  # an error after the headers were sent
                raise Unavailable(f"The store could not put {key} together: {answer.code}.")
        except BaseException:
            self._drop(key, upload)
            raise
        if answer.status >= 300:
            self._drop(key, upload)
        return answer

    def _parts(self, key: str, file: Path, part: int, upload: dict[str, str]) -> tuple[list[str], str]:
        tags: list[str] = []
        whole = hashlib.sha256()
        with file.open("rb") as stream:
            while chunk := stream.read(part):
                whole.update(chunk)
                number = {"partNumber": str(len(tags) + 1), **upload}
                payload = hashlib.sha256(chunk).hexdigest()
                sent = partial(io.BytesIO, chunk)
                answer = self._ask("PUT", key, query=number, body=sent, payload=payload)
                self._check(answer, key)
                tags.append(answer.headers.get("etag", ""))
        return tags, whole.hexdigest()

    def _drop(self, key: str, upload: dict[str, str]) -> None:
        with suppress(Unavailable):  # a store sweeps uploads that were left, too
            self._ask("DELETE", key, query=upload)

    def _check(self, answer: Answer, key: str) -> None:
        if answer.status < 300:
            return
        told = f"{answer.status} {answer.code}".strip()
        if answer.status in (401, 403):
            raise NotAllowed(f"The store lets these keys not write {key} ({told}).", key=key)
        if answer.status in PASSING:
            raise Unavailable(f"The store answers {told}.")
        if answer.code in ("XAmzContentSHA256Mismatch", "BadDigest"):
            raise Conflict(f"{key}: its file is not as it was published ({told}).", key=key)
        raise BadInput(f"The store does not take {key} ({told}).", key=key)

    def _ask(
        self,
        method: str,
        key: str,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: Callable[[], BinaryIO] | None = None,
        payload: str = NOTHING,
    ) -> Answer:
        """Tried again while it may pass; the last answer is given back. Raises Unavailable without any."""
        request = Request(method, f"/{self.name}/{key}", query or {}, dict(headers or {}), payload)
        for pause in (*PAUSES_S, None):
            try:
                answer = self._once(request, body)
            except (OSError, http.client.HTTPException) as error:
                if pause is None:
                    raise Unavailable(f"The store does not answer: {type(error).__name__}.") from error
            else:
                if answer.status not in PASSING or pause is None:
                    return answer
            self._sleep(pause)
        raise AssertionError("the last try gives back or raises")

    def _once(self, request: Request, body: Callable[[], BinaryIO] | None) -> Answer:
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        connection = kind(self._host, timeout=TIMEOUT_S)
        signed = Request(
            request.method,
            request.path,
            request.query,
            {**request.headers, "host": self._host},
            request.payload,
        )
        headers = signed_headers(signed, self._keys, self._region, datetime.now(UTC))
        query = f"?{quoted_query(request.query)}" if request.query else ""
        try:
            with body() if body else io.BytesIO() as stream:
                headers["content-length"] = str(_size(stream))
                connection.request(request.method, quoted_path(request.path) + query, stream, headers)
                answer = connection.getresponse()
                content = answer.read(MOST_ANSWER)
                return Answer(answer.status, {n.lower(): v for n, v in answer.getheaders()}, content)
        finally:
            connection.close()


def _size(stream: BinaryIO) -> int:
    end = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    return end


def _completed(tags: list[str]) -> bytes:
    rows = "".join(
        f"<Part><PartNumber>{number}</PartNumber><ETag>{xml.sax.saxutils.escape(tag)}</ETag></Part>"
        for number, tag in enumerate(tags, 1)
    )
    return f"<CompleteMultipartUpload>{rows}</CompleteMultipartUpload>".encode()
