"""What a request of DICOMweb asks for: the study of the link, one of its series, one of their instances."""

import asyncio
import re
from typing import Any, Final

from litestar import Request
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath

from studypub.archive.viewing import Overview, Series
from studypub.core.publication import Publication, link
from studypub.errors import Sentence
from studypub.flows.view import Found, Views
from studypub.web.errors import Problem
from studypub.web.given import GivenParts, GivenViews
from studypub.web.links import open_asked, publication_behind

NOT_THERE: Final = Sentence("В этой публикации такого нет.", "There is no such thing in this publication.")
_MOST_FRAMES: Final = 100
_NUMBERS: Final = re.compile(r"[1-9][0-9]{0,6}(,[1-9][0-9]{0,6})*", re.ASCII)
_NOT_NUMBERS: Final = Sentence("Это не номера кадров.", "These are no numbers of frames.")

Asked = Request[Any, Any, Any]


class View:
    """What one request looks at."""

    def __init__(self, views: Views, publication: Publication, overview: Overview, root: str) -> None:
        self.views = views
        self.publication = publication
        self.overview = overview
        self._root = root

    def address(self, series: str) -> str:
        """Return the whole address of a series of the study."""
        return f"{self._root}/studies/{self.overview.uid}/series/{series}"

    def series(self, study: str, uid: str) -> Series:
        """Return a series of this study. Raises Problem 404 for any other."""
        found = self.all_series(study).get(uid)
        if found is None:
            raise Problem(404, NOT_THERE)
        return found

    def all_series(self, study: str) -> dict[str, Series]:
        """Return every series of the study by its UID. Raises Problem 404 for another study."""
        if study != self.overview.uid:
            raise Problem(404, NOT_THERE)
        return self.overview.series

    def chosen(self, request: Asked, study: str) -> dict[str, Series]:
        """Return the series that the path names, all where it names none. Raises Problem 404."""
        uid = request.path_params.get("series")
        return self.all_series(study) if uid is None else {uid: self.series(study, uid)}


async def _view(request: Asked, parts: GivenParts, views: GivenViews, token: FromPath[str]) -> View:
    """Open the link. Raises Problem as a download does, and 404 where there is nothing to view."""
    publication = publication_behind(await open_asked(request, parts, token))
    overview = await asyncio.to_thread(views.overview, publication)
    if overview is None:
        raise Problem(404, NOT_THERE)
    return View(views, publication, overview, f"{link(parts.config.server.base_url, token)}/dicomweb")


GivenView = NamedDependency[View]


async def _found(view: GivenView, study: FromPath[str], series: FromPath[str], instance: FromPath[str]) -> Found:
    """Find an instance. Raises Problem 404 where it is not in this series of this study."""
    number = view.series(study, series).number
    found = await asyncio.to_thread(view.views.find, view.publication, number, instance)
    if found is None:
        raise Problem(404, NOT_THERE)
    return found


GivenFound = NamedDependency[Found]

PROVIDERS = {"view": Provide(_view), "found": Provide(_found)}


def frame_numbers(text: str, count: int) -> list[int]:
    """Return numbers of frames. Raises Problem 400 for what are none, 404 for those that are not there."""
    if not _NUMBERS.fullmatch(text):
        raise Problem(400, _NOT_NUMBERS)
    numbers = [int(number) for number in text.split(",")]
    if len(numbers) > _MOST_FRAMES:
        raise Problem(400, _NOT_NUMBERS)
    if max(numbers) > count:
        raise Problem(404, NOT_THERE)
    return numbers
