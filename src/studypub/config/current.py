"""The clinics that an administrator has set stand before the file's, while the daemon runs."""

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from studypub.config.clinics import Clinic, Pacs
from studypub.config.reading import converted
from studypub.config.section import Section
from studypub.config.whole import Config
from studypub.errors import ConfigError

Document = Mapping[str, Any]
"""A clinic as it is kept outside the file: what differs from the defaults, without its code and without secrets."""

# These stand in the file alone, and the file's are used: what a token or a key is for, it is the machine's to keep.
SECRETS = frozenset(
    {
        *("fhir.token", "fhir.token_file", "pacs.tls.certificate", "pacs.tls.key"),
        *("more_pacs.tls.certificate", "more_pacs.tls.key"),
    }
)


class Current:
    """The configuration as it is now: one frozen value, replaced as a whole.

    Whoever works for long asks for `now` whenever it begins something, and goes on with what it was given.
    `file` is what we were started with. `unusable` tells of which clinics what is kept cannot be read, and why.
    """

    def __init__(self, file: Config) -> None:
        self.file = file
        self.unusable: Mapping[str, str] = {}
        self._now = file
        self._watching: list[Callable[[Config], object]] = []

    @property
    def now(self) -> Config:
        """What holds at this moment."""
        return self._now

    def tell(self, watching: Callable[[Config], object]) -> None:
        """Call `watching` with what holds now, and again whenever that is replaced."""
        self._watching.append(watching)
        watching(self._now)

    def take(self, documents: Mapping[str, Document]) -> bool:
        """Let these clinics stand before the file's; return whether anything is another now."""
        found, self.unusable = merged(self.file, documents, self._now)
        if found == self._now:
            return False
        self._now = found
        for watching in self._watching:
            watching(found)
        return True


def merged(file: Config, documents: Mapping[str, Document], before: Config) -> tuple[Config, dict[str, str]]:
    """Return the file with these clinics before its own, and of which clinics the document cannot be used, and why.

    The first clinic stays the file's first: it is the one of whoever names none. One whose document cannot be used, for
    a newer version wrote it, stays as it was `before`; where it was not there, as the file has it.
    """
    clinics = {clinic.code: clinic for clinic in file.clinics}
    unusable = {}
    for code, document in documents.items():
        try:
            clinics[code] = clinic_of(code, document, file.clinic(code))
        except ConfigError as error:
            unusable[code] = str(error.parameters["problem"])
            if (known := before.clinic(code)) is not None:
                clinics[code] = known
    return msgspec.structs.replace(file, clinics=tuple(clinics.values())), unusable


def clinic_of(code: str, document: Document, in_file: Clinic | None) -> Clinic:
    """Return the clinic of a document, with the secrets that the file has of it. Raises ConfigError, as the file does.

    A secret goes where the file sends it: the token to the FHIR server that the file names, a certificate to the PACS
    with the AE title that the file shows it to; the first PACS may have got another one.
    """
    whole: dict[str, Any] = {**document, "code": code}
    if in_file is not None:
        fhir, pacs = whole.get("fhir"), whole.get("pacs")
        if isinstance(fhir, Mapping) and fhir.get("url") == in_file.fhir.url:
            whole["fhir"] = {**_secrets(in_file.fhir, "fhir."), **fhir}
        if isinstance(pacs, Mapping):
            whole["pacs"] = _with_certificate(pacs, in_file, in_file.pacs)
        if isinstance(more := whole.get("more_pacs"), list | tuple):
            whole["more_pacs"] = [_with_certificate(one, in_file) if isinstance(one, Mapping) else one for one in more]
    return converted(whole, Clinic)


def _with_certificate(pacs: Mapping[str, Any], in_file: Clinic, otherwise: Pacs | None = None) -> Mapping[str, Any]:
    known = next((one for one in in_file.every_pacs if one.ae_title == pacs.get("ae_title")), otherwise)
    if not isinstance(pacs.get("tls"), Mapping) or known is None or known.tls is None:
        return pacs
    return {**pacs, "tls": {**_secrets(known.tls, "pacs.tls."), **pacs["tls"]}}


def document_of(clinic: Clinic) -> dict[str, Any]:
    """Return what is kept of a clinic outside the file."""
    return _said(clinic, "", lambda place: place not in {"code", *SECRETS})


def edition(clinic: Clinic | None) -> str:
    """Return what tells a clinic from what it was before somebody changed it; empty where there is none."""
    if clinic is None:
        return ""
    return hashlib.sha256(msgspec.json.encode(document_of(clinic), order="sorted")).hexdigest()[:16]


def changed_fields(before: Clinic | None, after: Clinic) -> list[str]:
    """Return the keys in which two differ, by their place in the file."""
    old, new = (flat(document_of(one)) if one else {} for one in (before, after))
    return sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))


def _secrets(section: Section, place: str) -> dict[str, Any]:
    return _said(section, place, lambda where: where in SECRETS)


def _said(section: Section, place: str, is_wanted: Callable[[str], bool]) -> dict[str, Any]:
    """Return what of a section differs from the defaults: a version without a key that nobody set can read it, too."""
    said: dict[str, Any] = {}
    for field in msgspec.structs.fields(section):
        value, where = getattr(section, field.name), f"{place}{field.name}"
        if value == field.default:
            continue
        if isinstance(value, Section):
            said[field.name] = _said(value, f"{where}.", is_wanted)
        elif isinstance(value, tuple) and value and all(isinstance(one, Section) for one in value):
            said[field.name] = [_said(one, f"{where}.", is_wanted) for one in value]
        elif is_wanted(where):
            said[field.name] = msgspec.to_builtins(value, enc_hook=str)
    return said


def flat(document: Document, place: str = "") -> dict[str, Any]:
    """Return the values of a document by their places, such as `pacs.port` and `more_pacs[0].port`."""
    pairs: dict[str, Any] = {}
    for name, value in document.items():
        where = f"{place}{name}"
        if isinstance(value, Mapping):
            pairs |= flat(value, f"{where}.")
        elif isinstance(value, list | tuple) and value and all(isinstance(one, Mapping) for one in value):
            for number, one in enumerate(value):
                pairs |= flat(one, f"{where}[{number}].")
        else:
            pairs[where] = value
    return pairs


def unnumbered(place: str) -> str:
    """Return a place without which one it is of several, `more_pacs.port`: so it stands in SECRETS."""
    return re.sub(r"\[[^]]*\]", "", place)
