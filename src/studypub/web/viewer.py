"""Serves the files of the installed viewer, packed as the browser likes, to be kept for good."""

from typing import Any, Final

from litestar import Request, Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from studypub.viewer.edition import ADDRESS
from studypub.viewer.installed import Installed
from studypub.web.file_response import FileResponse
from studypub.web.given import GivenViewer
from studypub.web.ranges import Part

PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# A worker goes by the policy of its own script: this one compiles the decoders, which the page may not.
_DECODER_POLICY: Final = "default-src 'none'; script-src 'self' 'unsafe-eval'; connect-src 'self'"
_FOR_GOOD: Final = "public, max-age=31536000, immutable"


@get(ADDRESS + "{path:path}", sync_to_thread=False)
def viewer_file(request: Request[Any, Any, Any], viewer: GivenViewer, path: FromPath[str]) -> Response[Any]:
    """Send a file of the viewer."""
    name = path.strip("/")
    file = viewer.file(name, request.headers.get("accept-encoding", ""))
    if file is None:
        raise NotFoundException
    headers = {"Cache-Control": _FOR_GOOD, "Content-Type": file.media_type, "Vary": "Accept-Encoding"}
    if file.coding != "identity":
        headers["Content-Encoding"] = file.coding
    if _decodes(viewer, name):
        headers["Content-Security-Policy"] = _DECODER_POLICY
    return FileResponse(file.path, Part(0, file.size, file.size), status_code=200, headers=headers)


def _decodes(viewer: Installed, name: str) -> bool:
    return viewer.manifest is not None and viewer.manifest.decoder == name


routes = (viewer_file,)
