"""Files sent block by block under ASGI too, where Django would read a file of any size into memory."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from django.http import FileResponse, HttpRequest
from whitenoise.middleware import WhiteNoiseFileResponse, WhiteNoiseMiddleware
from whitenoise.responders import StaticFile

BLOCK_BYTES = 256 << 10


class FileDownload(FileResponse):
    """A FileResponse whose blocks are read in a thread, one at a time."""

    block_size = BLOCK_BYTES

    async def __aiter__(self) -> AsyncIterator[bytes]:
        file: Any = self.file_to_stream
        while file is not None and (block := await asyncio.to_thread(file.read, self.block_size)):
            yield block


class _StaticFile(FileDownload, WhiteNoiseFileResponse):  # type: ignore[misc]  # untyped upstream
    """WhiteNoise's own response, without Django's headers, with our way of reading."""

    def set_headers(self, filelike: Any) -> None:
        """WhiteNoise knows a static file's headers already."""


class StaticFiles(WhiteNoiseMiddleware):  # type: ignore[misc]  # untyped upstream
    @staticmethod
    def serve(static_file: StaticFile, request: HttpRequest) -> _StaticFile:
        found = static_file.get_response(request.method, request.META)
        response = _StaticFile(found.file or (), status=int(found.status))
        del response["content-type"]
        for key, value in found.headers:
            response[key] = value
        return response
