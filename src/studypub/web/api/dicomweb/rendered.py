"""Pictures of frames (PS3.18 10.4.1.1.3, 10.4.1.1.4): prepared ones as they are, others drawn when somebody asks."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, Final

from litestar import Response, get
from litestar.params import FromPath

from studypub.archive.viewing import Instance, Series
from studypub.core.preview import CT_WINDOWS, Window
from studypub.errors import Sentence
from studypub.flows.draw import Crowded, Easel, Unfinished, Wish
from studypub.flows.view import Found
from studypub.web.api.dicomweb import media, wishes
from studypub.web.api.dicomweb.asked import Asked, GivenFound, GivenView, View, frame_numbers
from studypub.web.errors import Problem
from studypub.web.given import GivenEasel, GivenPrepared

_INSTANCE: Final = "/{study:str}/series/{series:str}/instances/{instance:str}"
_MOST_PICTURES: Final = 10  # of one request
_MOST_FRAMES: Final = 10_000_000
_RETRY_SECONDS: Final = "2"
_RETRY_LATER_SECONDS: Final = "60"
_THUMBNAIL: Final = (256, 256)  # pixels
_CROWDED: Final = Sentence(
    "Сейчас картинок ждут слишком многие. Повторите через несколько секунд.",
    "Too many wait for pictures now. Try again in a few seconds.",
)
_UNFINISHED: Final = Sentence(
    "Картинку не удалось подготовить вовремя. Повторите позже или скачайте архив.",
    "The picture was not ready in time. Try again later, or download the archive.",
)
_NOT_SHOWN: Final = Sentence("Этот снимок нельзя показать картинкой.", "This image cannot be shown as a picture.")
_TOO_MANY: Final = Sentence("Слишком много кадров в одном запросе.", "Too many frames in one request.")


@get([_INSTANCE + "/rendered", _INSTANCE + "/frames/{frames:str}/rendered"])
async def rendered(
    request: Asked, view: GivenView, found: GivenFound, prepared: GivenPrepared, easel: GivenEasel
) -> Response[Any]:
    """Send pictures of these frames, each pixel shown; of an instance the first."""
    wish = wishes.of_rendered(request, _otherwise(view, found))
    numbers = _numbers(request.path_params.get("frames", "1"), found.instance)
    pictures = []
    for number in numbers:
        known = partial(prepared.of_frame, view.publication, found.instance.uid, number, full=True)
        picture = await asyncio.to_thread(known) if _is_plain(wish) else None
        pictures.append(picture or await _drawn(easel, view, found, number, wish))
    kind = media.PICTURES[wish.coding]
    if len(pictures) == 1:
        return Response(pictures[0], media_type=kind)
    return media.multipart(kind, iter([(kind, [picture]) for picture in pictures]))


@get([_INSTANCE + "/thumbnail", _INSTANCE + "/frames/{frames:str}/thumbnail"])
async def thumbnail_of_instance(
    request: Asked, view: GivenView, found: GivenFound, prepared: GivenPrepared, easel: GivenEasel
) -> Response[bytes]:
    """Send a small picture of a frame; of an instance that of its middle one."""
    uid, asked = found.instance.uid, request.path_params.get("frames")
    number = 1 + len(found.instance.frames) // 2 if asked is None else _numbers(asked, found.instance)[0]

    def known() -> bytes | None:
        if asked is None:
            return prepared.of_instance(view.publication, uid)
        return prepared.of_frame(view.publication, uid, number)

    return await _thumbnail(request, view, easel, known, found, number)


@get(["/{study:str}/thumbnail", "/{study:str}/series/{series:str}/thumbnail"])
async def thumbnail_of_series(
    request: Asked, view: GivenView, prepared: GivenPrepared, easel: GivenEasel, study: FromPath[str]
) -> Response[bytes]:
    """Send a small picture of the middle of a series; of a study that of the series that is shown first."""
    every = view.chosen(request, study)
    uid = request.path_params.get("series")
    found = await asyncio.to_thread(_middle, view, max(every.values(), key=lambda series: series.instances))

    def known() -> bytes | None:
        return prepared.of_series(view.publication, uid) if uid else prepared.of_study(view.publication)

    return await _thumbnail(request, view, easel, known, found, 1 + len(found.instance.frames) // 2)


async def _thumbnail(
    request: Asked, view: View, easel: Easel, known: Callable[[], bytes | None], found: Found, number: int
) -> Response[bytes]:
    wish = wishes.of_thumbnail(request, _otherwise(view, found))
    picture = await asyncio.to_thread(known) if _is_plain(wish) else None
    if picture is None:
        picture = await _drawn(easel, view, found, number, replace(wish, viewport=wish.viewport or _THUMBNAIL))
    return Response(picture, media_type=media.PICTURES[wish.coding])


def _is_plain(wish: Wish) -> bool:
    """Whether a picture that was drawn at publication is as it is wanted."""
    return wish == Wish(otherwise=wish.otherwise)


async def _drawn(easel: Easel, view: View, found: Found, number: int, wish: Wish) -> bytes:
    try:
        picture = await easel.draw(view.publication, found, number, wish)
    except Crowded:
        raise Problem(503, _CROWDED, headers={"Retry-After": _RETRY_SECONDS}) from None
    except Unfinished:
        raise Problem(503, _UNFINISHED, headers={"Retry-After": _RETRY_LATER_SECONDS}) from None
    if picture is None:
        raise Problem(406, _NOT_SHOWN)
    return picture


def _numbers(text: str, instance: Instance) -> list[int]:
    """Return numbers of frames; where it is not known how many there are, whoever draws them finds out."""
    numbers = frame_numbers(text, len(instance.frames) or _MOST_FRAMES)
    if len(numbers) > _MOST_PICTURES:
        raise Problem(400, _TOO_MANY)
    return numbers


def _middle(view: View, series: Series) -> Found:
    instances = view.views.instances(view.publication, series.number)
    return Found(series.number, instances[len(instances) // 2])


def _otherwise(view: View, found: Found) -> Window | None:
    """Return the window where the header has none, as a preview takes it."""
    (series,) = (one for one in view.overview.series.values() if one.number == found.series)
    return CT_WINDOWS["soft"] if series.attributes.get("00080060", {}).get("Value") == ["CT"] else None


handlers = (rendered, thumbnail_of_instance, thumbnail_of_series)
