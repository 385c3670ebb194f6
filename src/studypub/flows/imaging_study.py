"""Tells of an open publication as FHIR does, out of what its companion holds."""

from collections.abc import Mapping
from datetime import tzinfo
from typing import Any

from studypub.archive.viewing import Overview
from studypub.archive.viewing import Series as Described
from studypub.core.fhir import Instance, Resource, Series, Study, imaging_study
from studypub.core.publication import Publication
from studypub.flows.view import Views

_MODALITY, _DESCRIPTION, _NUMBER = "00080060", "0008103E", "00200011"


def described(
    views: Views, publication: Publication, *, base_url: str, zone: tzinfo, shortened: bool = False
) -> Resource:
    """Return its ImagingStudy; it blocks. Raises StorageUnavailable, StorageRefused."""
    overview = views.overview(publication)
    study = None if overview is None else _study(views, publication, overview, shortened=shortened)
    return imaging_study(publication, study, base_url=base_url, zone=zone, shortened=shortened)


def _study(views: Views, publication: Publication, overview: Overview, *, shortened: bool) -> Study:
    found = [
        _series(uid, series, () if shortened else _images(views, publication, series.number))
        for uid, series in overview.series.items()
    ]
    return Study(overview.uid, found)


def _series(uid: str, series: Described, images: tuple[Instance, ...]) -> Series:
    said = series.attributes
    number = _first(said, _NUMBER)
    return Series(
        uid=uid,
        number=number if isinstance(number, int) else None,
        modality=str(_first(said, _MODALITY) or ""),
        description=str(_first(said, _DESCRIPTION) or ""),
        size=series.instances,
        images=images,
    )


def _images(views: Views, publication: Publication, number: int) -> tuple[Instance, ...]:
    return tuple(Instance(each.uid, each.sop_class) for each in views.instances(publication, number))


def _first(attributes: Mapping[str, Any], tag: str) -> object:
    return next(iter(attributes.get(tag, {}).get("Value", [])), None)
