"""Streams a file of this machine, or a part of it, without holding up anything else."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from litestar.datastructures import MutableScopeHeaders
from litestar.types import Receive, Scope, Send

from studypub.errors import StorageUnavailable, StoredObjectDiffers
from studypub.web.ranges import Part

_CHUNK_BYTES = 1 << 20
_STALLED_SECONDS = 300  # a reader slower than a chunk in this time has gone


class FileResponse:
    """An ASGI answer with the bytes of `part`; the file must have `part.size` bytes. Closes it when the reader goes.

    Raises StorageUnavailable and StoredObjectDiffers before anything is sent.
    """

    def __init__(self, path: Path, part: Part, *, status: int, headers: Mapping[str, str]) -> None:
        self._path = path
        self._part = part
        self._status = status
        self._headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        file = await asyncio.to_thread(self._open)
        gone = asyncio.ensure_future(_reader_gone(receive))
        try:
            headers = MutableScopeHeaders()
            headers.update({**self._headers, "Content-Length": str(self._part.length)})
            await send({"type": "http.response.start", "status": self._status, "headers": headers.headers})
            await self._send_body(file, send, gone)
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

    async def _send_body(self, file: BinaryIO, send: Send, gone: "asyncio.Future[None]") -> None:
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
