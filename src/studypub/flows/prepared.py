"""Pictures that were drawn at publication, found by what they show."""

from collections import OrderedDict
from threading import Lock
from typing import Final, NamedTuple

import msgspec

from studypub.core import preview
from studypub.core.preview import Picture
from studypub.core.publication import Publication
from studypub.errors import StorageUnavailable
from studypub.flows.companion import Companions

_MOST: Final = 32
_FULL_SIDE: Final = 768  # pixels; a picture that is smaller was not made smaller (flows/sitting.py)


class _Known(NamedTuple):
    """Where the pictures of one publication are; `opening`: the small one of the series that is shown first."""

    opening: int | None
    small: dict[str, int | None]
    frames: dict[str, dict[int, Picture]]


class Prepared:
    """The pictures in one store; remembers where those are that were asked for last. For many threads; calls block.

    Everything returns a JPEG, or None where there is none, and raises StorageUnavailable or StorageRefused.
    """

    def __init__(self, companions: Companions) -> None:
        self._companions = companions
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._lock = Lock()

    def of_study(self, publication: Publication) -> bytes | None:
        """Return a small picture that stands for all."""
        return self._part(publication, self._of(publication).opening)

    def of_series(self, publication: Publication, uid: str) -> bytes | None:
        """Return a small picture of its middle."""
        return self._part(publication, self._of(publication).small.get(uid))

    def of_instance(self, publication: Publication, uid: str) -> bytes | None:
        """Return a picture of the middle one of its frames."""
        frames = list(self._of(publication).frames.get(uid, {}).values())
        return self._part(publication, frames[len(frames) // 2].part) if frames else None

    def of_frame(self, publication: Publication, uid: str, number: int, *, full: bool = False) -> bytes | None:
        """Return a picture of a frame, from 1 on; `full`: only one that shows every pixel."""
        found = self._of(publication).frames.get(uid, {}).get(number)
        if found is None or (full and max(found.width, found.height) >= _FULL_SIDE):
            return None
        return self._part(publication, found.part)

    def _part(self, publication: Publication, part: int | None) -> bytes | None:
        return None if part is None else self._companions.read_part(publication, preview.name_of(part))

    def _of(self, publication: Publication) -> _Known:
        key = publication.object_key
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                return self._known[key]
        found = _known(self._companions.read_part(publication, preview.INDEX))
        with self._lock:
            self._known[key] = found
            while len(self._known) > _MOST:
                self._known.popitem(last=False)
        return found


def _known(index: bytes | None) -> _Known:
    if index is None:
        return _Known(None, {}, {})
    try:
        told = preview.decoded(index)
    except msgspec.MsgspecError as error:
        raise StorageUnavailable("a preview that cannot be read") from error
    frames: dict[str, dict[int, Picture]] = {}
    for series in told.series:
        for picture in series.stacks[0].pictures:
            if picture.part is not None:
                frames.setdefault(picture.instance, {})[picture.frame] = picture
    opening = told.series[preview.opening(told)].thumbnail if told.series else None
    return _Known(opening, {series.uid: series.thumbnail for series in told.series}, frames)
