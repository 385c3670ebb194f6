"""How a picture is wanted (PS3.18 8.3.5): by window, viewport and quality; other parameters change nothing."""

import re
from typing import Final, Literal

from studypub.core.preview import Window
from studypub.errors import Sentence
from studypub.flows.draw import Wish
from studypub.web.api.dicomweb import media
from studypub.web.api.dicomweb.asked import Asked
from studypub.web.errors import Problem

_DECIMAL: Final = r"[+-]?(?:[0-9]{1,9}(?:\.[0-9]{0,9})?|\.[0-9]{1,9})"
_FUNCTIONS: Final = {"linear": "LINEAR", "linear-exact": "LINEAR_EXACT", "sigmoid": "SIGMOID"}
_WINDOW: Final = re.compile(rf"({_DECIMAL}),({_DECIMAL}),({'|'.join(_FUNCTIONS)})", re.ASCII)
_VIEWPORT: Final = re.compile(r"([1-9][0-9]{0,3}),([1-9][0-9]{0,3})", re.ASCII)
_LARGEST_SIDE: Final = 4096  # pixels
_QUALITY: Final = "80"
_QUALITIES: Final = re.compile(r"[1-9][0-9]?|100", re.ASCII)

_NO_WINDOW: Final = Sentence(
    "window: нужны центр, ширина и функция — linear, linear-exact или sigmoid.",
    "window: centre, width and function are needed, which is linear, linear-exact or sigmoid.",
)
_NO_VIEWPORT: Final = Sentence(
    "viewport: нужны ширина и высота в пикселях, не больше 4096.",
    "viewport: width and height are needed, in pixels, at most 4096.",
)
_NO_QUALITY: Final = Sentence("quality: нужно число от 1 до 100.", "quality: a number from 1 to 100 is needed.")


def of_rendered(request: Asked, otherwise: Window | None) -> Wish:
    """Return how a frame is wanted. Raises Problem 400 for what is malformed, 406."""
    quality = request.query_params.get("quality", _QUALITY)
    if not _QUALITIES.fullmatch(quality):
        raise Problem(400, _NO_QUALITY)
    return Wish(
        window=_window(request.query_params.get("window")),
        otherwise=otherwise,
        viewport=_viewport(request.query_params.get("viewport")),
        coding=_coding(request),
        quality=int(quality),
    )


def of_thumbnail(request: Asked, otherwise: Window | None) -> Wish:
    """Return how a small picture is wanted, for which there are fewer parameters. Raises Problem 400, 406."""
    return Wish(
        otherwise=otherwise,
        viewport=_viewport(request.query_params.get("viewport")),
        coding=_coding(request),
    )


def _coding(request: Asked) -> Literal["JPEG", "PNG"]:
    """Return how it is to be coded; the parameter goes before the header (8.3.3.1)."""
    asked: str = request.query_params.get("accept") or request.headers.get("accept") or ""
    return media.picture(asked)


def _window(text: str | None) -> Window | None:
    """Read centre, width, function (8.3.5.1.4)."""
    if text is None:
        return None
    found = _WINDOW.fullmatch(text)
    if found is None or float(found[2]) <= 0:
        raise Problem(400, _NO_WINDOW)
    return Window(float(found[1]), float(found[2]), _FUNCTIONS[found[3]])


def _viewport(text: str | None) -> tuple[int, int] | None:
    """Read width and height (8.3.5.1.3); a region of the image cannot be chosen."""
    if text is None:
        return None
    found = _VIEWPORT.fullmatch(text)
    if found is None or max(int(found[1]), int(found[2])) > _LARGEST_SIDE:
        raise Problem(400, _NO_VIEWPORT)
    return int(found[1]), int(found[2])
