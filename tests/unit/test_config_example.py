"""config.example.toml shows every key, with the default that holds without it."""

import re
import tomllib
from itertools import pairwise
from pathlib import Path
from types import NoneType
from typing import Any

import msgspec
import pytest

from studypub import config, resources
from studypub.config import (
    S3,
    Clinic,
    Config,
    Delivery,
    Dicom,
    DicomTls,
    Fhir,
    Hl7,
    MisTokens,
    Oidc,
    Pacs,
    PacsTls,
    Pixels,
    Report,
    Server,
    ServerTls,
    Storage,
)

EXAMPLE = resources.path("config.example.toml")
# A file has them or not: shown as comments, with what they hold where they are there.
OPTIONAL_TABLES = {"tls", "hl7", "oidc", "mis_tokens"}
TABLES_THAT_MAY_BE_MISSING = {"more_pacs"}
# What is given as a comment: a key, or the head of a table.
_COMMENTED = re.compile(r"^# (?=[\w-]+ = |\[)", re.MULTILINE)
_KEY = re.compile(r"^(?:# )?([\w-]+) = ")


def shown(kind: type[msgspec.Struct]) -> dict[str, Any]:
    """Return the table for this struct, with what stands in comments."""
    document: Any = tomllib.loads(_COMMENTED.sub("", EXAMPLE.read_text("utf-8")))
    tables: dict[type[msgspec.Struct], Any] = {
        Config: document,
        S3: document["storage"]["s3"],
        Clinic: document["clinics"][0],
        Pacs: document["clinics"][0]["pacs"],
        PacsTls: document["clinics"][0]["pacs"]["tls"],
        Pixels: document["clinics"][0]["pixels"],
        Report: document["clinics"][0]["report"],
        Delivery: document["clinics"][0]["delivery"],
        Fhir: document["clinics"][0]["fhir"],
        ServerTls: document["server"]["tls"],
        DicomTls: document["dicom"]["tls"],
        Hl7: document["hl7"],
        Oidc: document["oidc"],
        MisTokens: document["mis_tokens"],
        **{field.type: document[field.name] for field in sections()},
    }
    table: dict[str, Any] = tables[kind]
    return table


def sections() -> list[msgspec.structs.FieldInfo]:
    """Return the sections of the file that are there once, and always."""
    return [field for field in msgspec.structs.fields(Config) if field.name not in {"clinics", *OPTIONAL_TABLES}]


OF_A_CLINIC = (Clinic, Pacs, PacsTls, Pixels, Delivery, Fhir)
STRUCTS = [Config, *(field.type for field in sections()), *OF_A_CLINIC, S3, ServerTls, DicomTls, Hl7, Oidc, MisTokens]


def test_it_can_be_used() -> None:
    loaded = config.load(EXAMPLE, {})
    assert [clinic.code for clinic in loaded.clinics] == ["f_Khimki"]


def test_its_sections_hold_the_defaults() -> None:
    assert msgspec.structs.replace(config.load(EXAMPLE, {}), clinics=Config().clinics) == Config()


@pytest.mark.parametrize("kind", [Clinic, Pacs, Pixels, Delivery, Fhir, ServerTls, DicomTls, PacsTls])
def test_its_clinic_holds_the_defaults(kind: type[msgspec.Struct]) -> None:
    optional = [field for field in msgspec.structs.fields(kind) if field.default is not msgspec.NODEFAULT]
    table = {key: tuple(value) if isinstance(value, list) else value for key, value in shown(kind).items()}
    # A path that may be left out is shown with a name that it could have.
    told = [
        field
        for field in optional
        if not isinstance(field.default, NoneType | msgspec.Struct) and field.name not in TABLES_THAT_MAY_BE_MISSING
    ]
    defaults = {field.name: msgspec.to_builtins(field.default) for field in told}
    assert msgspec.to_builtins({name: table[name] for name in defaults}) == defaults


@pytest.mark.parametrize("kind", STRUCTS)
def test_it_shows_every_key_and_no_other(kind: type[msgspec.Struct]) -> None:
    assert set(shown(kind)) == {field.name for field in msgspec.structs.fields(kind)}


def test_its_section_for_s3_can_be_opened() -> None:
    table = {key: value for key, value in shown(S3).items() if not key.endswith("_file")}
    assert msgspec.convert({"kind": "s3", "s3": table}, Storage).s3 is not None


def test_its_sections_for_tls_can_be_opened() -> None:
    tls = {**shown(ServerTls), "redirect_port": 80}
    table = {**shown(Server), "public_url": "https://studies.clinic.example", "tls": tls}
    server = msgspec.convert(table, Server, dec_hook=_path)
    dicom = msgspec.convert(shown(Dicom), Dicom, dec_hook=_path)
    pacs = msgspec.convert(shown(Pacs), Pacs, dec_hook=_path)
    assert server.tls
    assert dicom.tls
    assert pacs.tls


def test_its_sections_for_several_pacs_can_be_opened() -> None:
    table = {**shown(Clinic), "pacs": {**shown(Pacs), "tls": shown(PacsTls)}}
    clinic = msgspec.convert(table, Clinic, dec_hook=_path)
    assert [pacs.ae_title for pacs in clinic.every_pacs] == ["ORTHANC", "ARCHIVE"]


def test_its_section_for_hl7_can_be_opened() -> None:
    assert msgspec.convert(shown(Hl7) | {"clinics": {}}, Hl7) == Hl7()


def test_its_sections_for_sign_on_can_be_opened() -> None:
    for kind in (Oidc, MisTokens):
        table = {key: value for key, value in shown(kind).items() if not key.endswith("_file")}
        opened = msgspec.convert(table | {"clinics": {}}, kind, dec_hook=_path)
        optional = [field for field in msgspec.structs.fields(kind) if field.default is not msgspec.NODEFAULT]
        told = {
            field.name: field.default for field in optional if field.name not in {"ca_certificate", "client_secret"}
        }
        assert {name: getattr(opened, name) for name in told} == told


def _path(_: type, value: object) -> Path:
    return Path(str(value))


def test_a_comment_stands_above_every_key() -> None:
    lines = EXAMPLE.read_text("utf-8").splitlines()
    bare = [line for above, line in pairwise(lines) if _KEY.match(line) and not above]
    assert bare == []
