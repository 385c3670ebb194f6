"""Serves the files of `static/` from memory, named by their content, so that browsers may keep them for good."""

import hashlib
import mimetypes
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from litestar import Request, Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from studypub import resources

_FOR_GOOD = "public, max-age=31536000, immutable"
_ASK_AGAIN = "public, no-cache"


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file's bytes, what they are, and their digest."""

    content: bytes
    media_type: str
    version: str


def address(name: str) -> str:
    """Return the address of a file for a page; it changes when the file does. Raises KeyError where there is none."""
    return f"/static/{name}?v={_files()[name].version}"


@get("/static/{path:path}", sync_to_thread=False)
def static_file(request: Request[Any, Any, Any], path: FromPath[str]) -> Response[bytes]:
    """Send a file, or 304 where the browser has it."""
    file = _files().get(path.strip("/"))
    if file is None:
        raise NotFoundException
    named = request.query_params.get("v") == file.version
    headers = {"ETag": f'"{file.version}"', "Cache-Control": _FOR_GOOD if named else _ASK_AGAIN}
    if headers["ETag"] in request.headers.get("if-none-match", ""):
        return Response(b"", status_code=304, headers=headers)
    return Response(file.content, media_type=file.media_type, headers=headers)


@cache
def _files() -> MappingProxyType[str, StaticFile]:
    folder = resources.path("static")
    files = (file for file in folder.rglob("*") if file.is_file() and not file.name.startswith("."))
    return MappingProxyType({file.relative_to(folder).as_posix(): _read(file) for file in files})


def _read(file: Path) -> StaticFile:
    content = file.read_bytes()
    media_type = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    text = media_type.startswith("text/") or media_type.endswith(("javascript", "json"))
    kind = f"{media_type}; charset=utf-8" if text else media_type
    return StaticFile(content, kind, hashlib.sha256(content).hexdigest()[:16])


routes = (static_file,)
