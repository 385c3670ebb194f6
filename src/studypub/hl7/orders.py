"""Finds in a message which studies are to be published, by the places that the configuration names."""

import re
from collections.abc import Iterable, Iterator, Mapping

from studypub.config import Hl7
from studypub.errors import Sentence
from studypub.hl7.message import Header, Place, Segment, Unreadable

_MOMENT = re.compile(
    r"(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)(\d\d)?(?:\.\d+)?)?([+-]\d\d)?(\d\d)?"
)  # HL7 2.A.22, to the day at least
_BEGINS_PATIENT = "PID"
_BEGIN_ORDER = ("ORC", "OBR")

_NO_ORDER = Sentence("В сообщении нет ни ORC, ни OBR", "The message has neither ORC nor OBR")
_NO_CLINIC = Sentence(
    "MSH-4: для «{facility}» в настройке hl7.clinics нет клиники", "MSH-4: hl7.clinics names no clinic for «{facility}»"
)

Group = dict[str, Segment]
"""Segments of one order by their names, with those of its patient."""


def segments_wanted(config: Hl7) -> set[str]:
    """Return the names of the segments that are looked at."""
    places = [place for places in config.fields.values() for place in places]
    return {_BEGINS_PATIENT, *_BEGIN_ORDER, *(Place.read(place).segment for place in [*places, *config.only])}


def documents(head: Header, segments: Iterable[Segment], config: Hl7) -> list[dict[str, object]]:
    """Return the document of `POST /publish` for each study that is to be published, none of them twice.

    Raises Unreadable where there is no order at all, or nobody knows whose clinic sends it.
    """
    groups = list(_groups(segments))
    if not groups:
        raise Unreadable(_NO_ORDER, "100")
    clinic = _clinic(head, config)
    found: list[dict[str, object]] = []
    for group in groups:
        document = _document(group, config) | clinic
        if _is_wanted(group, config.only) and document not in found:
            found.append(document)
    return found


def _groups(segments: Iterable[Segment]) -> Iterator[Group]:
    """Divide the segments into orders: each has one ORC, one OBR, or one of both."""
    patient: Group = {}
    order: Group | None = None
    for segment in segments:
        begins_patient = segment.name == _BEGINS_PATIENT
        begins = segment.name in _BEGIN_ORDER and (order is None or segment.name in order or segment.name == "ORC")
        if (begins_patient or begins) and order is not None:
            yield patient | order
        if begins_patient:
            patient, order = {name: one for name, one in patient.items() if name == "MSH"}, None
        elif begins:
            order = {}
        (patient if order is None else order).setdefault(segment.name, segment)
    if order is not None:
        yield patient | order


def _document(group: Group, config: Hl7) -> dict[str, object]:
    document: dict[str, object] = {}
    for name, places in config.fields.items():
        value = next(filter(None, (_value(group, Place.read(place), config) for place in places)), "")
        if value:
            document[name] = _iso(value) if name == "study_date" else value
    return document


def _value(group: Group, place: Place, config: Hl7) -> str:
    segment = group.get(place.segment)
    if segment is None:
        return ""
    if (place.segment, place.field) != ("PID", 3) or not config.patient_id_type:
        return segment.value(place.field, place.component)
    # Of several identifiers, the one of the kind that is asked for (CX.5).
    kinds = segment.values(place.field, 5)
    values = segment.values(place.field, place.component)
    return next((value for value, kind in zip(values, kinds, strict=True) if kind == config.patient_id_type), "")


def _is_wanted(group: Group, only: Mapping[str, tuple[str, ...]]) -> bool:
    """Whether whatever is filled of the places that are named holds one of the values that are named."""
    for text, allowed in only.items():
        place = Place.read(text)
        value = group[place.segment].value(place.field, place.component) if place.segment in group else ""
        if value and value not in allowed:
            return False
    return True


def _clinic(head: Header, config: Hl7) -> dict[str, object]:
    if not config.clinics:
        return {}
    facility = head[4].split(head.separator)[0]
    if facility not in config.clinics:
        raise Unreadable(_NO_CLINIC.filled(facility=facility[:64]), "103")
    return {"clinic_code": config.clinics[facility]}


def _iso(text: str) -> str:
    """Return a moment as ISO 8601 has it; what is none stays as it is, and is refused where it is read."""
    found = _MOMENT.fullmatch(text)
    if found is None:
        return text
    year, month, day, hour, minute, second, zone, zone_minute = found.groups()
    date = f"{year}-{month}-{day}"
    if hour is None:
        return date
    offset = f"{zone}:{zone_minute or '00'}" if zone else ""
    return f"{date}T{hour}:{minute}:{second or '00'}{offset}"
