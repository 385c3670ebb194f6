"""HL7 v2: who sends, and where in a message stands what we ask for."""

import re
from collections.abc import Mapping

import msgspec

from studypub.config.section import Section, is_network, need, need_port

# In v2.5 an order's accession number is IPC-1; before and besides it is OBR-18, as radiology uses that.
_FIELDS = {
    "patient_id": ("PID-3",),
    "accession_number": ("IPC-1", "OBR-18"),
    "emk_record_id": ("PV1-19",),
    "service_code": ("OBR-4",),
    "service_title": ("OBR-4.2",),
    "study_date": ("OBR-7",),
}
_ONLY = {
    "ORC-1": ("NW", "OK", "XO", "SC", "RE", "SN", "SR"),
    "ORC-5": ("CM",),
    "OBR-25": ("F", "C", "P"),
}
_PLACE = re.compile(r"[A-Z][A-Z0-9]{2}-[1-9]\d?(\.[1-9]\d?)?")


class Hl7(Section, frozen=True):
    """Orders and results by HL7 v2 over MLLP; nobody has to sign in there.

    `fields` maps the fields of `POST /publish` to places, of which the first that is filled counts; `only` maps places
    to the values that they may hold, where they are filled; `clinics` maps sending facilities (MSH-4) to clinics.
    """

    host: str = "127.0.0.1"
    port: int = 2575  # IANA: hl7
    senders: tuple[str, ...] = ("127.0.0.1",)
    messages: tuple[str, ...] = ("ORM^O01", "OMI^O23", "ORU^R01")
    encoding: str = "windows-1251"
    patient_id_type: str = ""
    fields: Mapping[str, tuple[str, ...]] = msgspec.field(default_factory=lambda: dict(_FIELDS))
    only: Mapping[str, tuple[str, ...]] = msgspec.field(default_factory=lambda: dict(_ONLY))
    clinics: Mapping[str, str] = {}

    def __post_init__(self) -> None:
        need(holds=bool(self.host), key="host", why="must not be empty")
        need_port(self.port)
        need(
            holds=bool(self.senders) and all(map(is_network, self.senders)),
            key="senders",
            why="must be addresses such as 10.0.0.5 or networks such as 10.0.0.0/24",
        )
        need(holds=_is_codec(self.encoding), key="encoding", why="must be a name such as windows-1251")
        need(
            holds=set(self.fields) <= set(_FIELDS) and {"patient_id", "accession_number"} <= set(self.fields),
            key="fields",
            why=f"must name patient_id and accession_number, and may name {', '.join(_FIELDS)}",
        )
        places = [place for named in self.fields.values() for place in named]
        for key, named in (("fields", places), ("only", list(self.only))):
            need(holds=all(map(_PLACE.fullmatch, named)), key=key, why="must name places such as PID-3 or OBR-4.2")


def _is_codec(name: str) -> bool:
    try:
        return "A".encode(name) == b"A"
    except LookupError:
        return False
