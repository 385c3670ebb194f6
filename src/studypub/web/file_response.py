"""Streams a file of this machine, or a part of it, without holding up anything else."""

import asyncio
from pathlib import Path
from typing import Any, BinaryIO

from litestar import Response
from litestar.response.base import ASGIResponse
from litestar.types import Receive, Scope, Send

from studypub.errors import StorageUnavailable, StoredObjectDiffers
from studypub.web.ranges import Part

_CHUNK_BYTES = 1 << 20
_STALLED_SECONDS = 300  # a reader slower than a chunk in this time has gone


class FileResponse(Response[None]):
    """An answer with the bytes of `part`; the file must have `part.size` bytes and is closed when the reader goes.

    Raises StorageUnavailable and StoredObjectDiffers before anything is sent.
    """

    def __init__(self, path: Path, part: Part, *, status_code: int, headers: dict[str, str]) -> None:
        super().__init__(None, status_code=status_code, headers=headers)
        self._body = path, part

    def to_asgi_response(self, *_: Any, **__: Any) -> ASGIResponse:
        """Return what Litestar calls."""
        path, part = self._body
        return _FileBody(path, part, status_code=self.status_code or 200, headers=self.headers)


class _FileBody(ASGIResponse):
    def __init__(self, path: Path, part: Part, *, status_code: int, headers: dict[str, Any]) -> None:
        super().__init__(status_code=status_code, headers=headers, content_length=part.length)
        self._path = path
        self._part = part

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        file = await asyncio.to_thread(self._open)
        gone = asyncio.ensure_future(_reader_gone(receive))
        try:
            await self.start_response(send)
            await self._send_part(file, send, gone)
        finally:
            gone.cancel()
            file.close()

    def _open(self) -> BinaryIO:
        try:
            file = self._path.open("rb")
        except OSError as error:
            raise StorageUnavailable("the archive cannot be read") from error
        if file.seek(0, 2) != self._part.size:
            file.close()
            raise StoredObjectDiffers("the archive has another size")
        file.seek(self._part.start)
        return file

    async def _send_part(self, file: BinaryIO, send: Send, gone: "asyncio.Future[None]") -> None:
        left = self._part.length
        while left and not gone.done():
            chunk = await asyncio.to_thread(file.read, min(_CHUNK_BYTES, left))
            if not chunk:
                raise StorageUnavailable("the archive was cut short while it was read")
            left -= len(chunk)
            async with asyncio.timeout(_STALLED_SECONDS):
                await send({"type": "http.response.body", "body": chunk, "more_body": left > 0})


async def _reader_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
