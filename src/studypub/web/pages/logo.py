"""A clinic's logo, as a page shows it."""

import re
from typing import Final

from litestar import Response, get
from litestar.params import FromPath

from studypub.core.clinics import EVERY_CLINIC
from studypub.core.logo import MEDIA_TYPE
from studypub.errors import Sentence
from studypub.flows.clinic_logo import logo_content
from studypub.web.errors import Problem
from studypub.web.given import GivenParts

_NAME: Final = re.compile(r"([0-9a-f]{64})\.webp")
_NONE: Final = Sentence("Такого логотипа нет.", "There is no such logo.")


@get("/logo/{name:str}")
async def logo(parts: GivenParts, name: FromPath[str]) -> Response[bytes]:
    """Send the picture of that hash: it names no clinic, and whoever knows it has seen a page of one that shows it."""
    asked = _NAME.fullmatch(name)
    content = await logo_content(parts.database.seeing(EVERY_CLINIC), bytes.fromhex(asked[1])) if asked else None
    if content is None:
        raise Problem(404, _NONE)
    headers = {
        "Cache-Control": "public, max-age=31536000, immutable",
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    return Response(content, media_type=MEDIA_TYPE, headers=headers)


routes = (logo,)
