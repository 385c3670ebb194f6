"""An administrator's clinics stand before the file's: what holds, what is kept of it, and what cannot be used."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from studypub.config import Clinic, Config, Current, Delivery, Fhir, Pacs, PacsTls
from studypub.config.current import changed_fields, clinic_of, document_of, edition, merged
from studypub.config.writing import as_toml
from studypub.errors import ConfigError

PACS = Pacs(ae_title="ORTHANC", host="127.0.0.1", port=4242)
A, B = Clinic(code="a", name="A", pacs=PACS), Clinic(code="b", name="B", pacs=PACS)
FILE = Config(clinics=(A, B))
SET: dict[str, Any] = {"name": "Set", "pacs": {"ae_title": "ARCHIVE", "host": "10.0.0.9", "port": 104}}
NEWER: dict[str, Any] = {**SET, "hologram": True}


def name_by_code(config: Config) -> dict[str, str]:
    return {clinic.code: clinic.name for clinic in config.clinics}


@pytest.mark.parametrize(
    ("documents", "before", "names", "unusable"),
    [
        ({}, FILE, {"a": "A", "b": "B"}, set()),
        ({"b": SET}, FILE, {"a": "A", "b": "Set"}, set()),
        ({"a": SET}, FILE, {"a": "Set", "b": "B"}, set()),
        ({"0": SET}, FILE, {"a": "A", "b": "B", "0": "Set"}, set()),
        ({"b": NEWER}, FILE, {"a": "A", "b": "B"}, {"b"}),
        ({"c": NEWER}, FILE, {"a": "A", "b": "B"}, {"c"}),
        ({"b": {}}, merged(FILE, {"b": SET}, FILE)[0], {"a": "A", "b": "Set"}, {"b"}),
        ({"c": {"name": 5}}, merged(FILE, {"c": SET}, FILE)[0], {"a": "A", "b": "B", "c": "Set"}, {"c"}),
        ({}, merged(FILE, {"b": SET, "c": SET}, FILE)[0], {"a": "A", "b": "B"}, set()),
    ],
    ids=[
        "none",
        "the table stands before the file",
        "the first stays the first",
        "the file's come first",
        "a newer version's: the file's",
        "a newer version's, unknown before: none",
        "spoiled: the last good one",
        "spoiled, the table's alone: the last good one",
        "given back",
    ],
)
def test_which_clinics_hold(
    documents: Mapping[str, Any], before: Config, names: dict[str, str], unusable: set[str]
) -> None:
    found, why = merged(FILE, documents, before)
    assert name_by_code(found) == names
    assert list(name_by_code(found)) == list(names)
    assert set(why) == unusable


def test_why_one_cannot_be_used_names_the_key() -> None:
    _, why = merged(FILE, {"a": NEWER, "b": {**SET, "pacs": {**SET["pacs"], "port": 0}}}, FILE)
    assert "hologram" in why["a"]
    assert why["b"] == "pacs.port: must be between 1 and 65535"


def shown_to(title: str, certificate: str) -> Pacs:
    """Return a PACS that wants to see a certificate of ours."""
    tls = PacsTls(ca=Path("/etc/ca.pem"), certificate=Path(certificate), key=Path(f"{certificate}.key"))
    return Pacs(ae_title=title, host="127.0.0.2", port=104, tls=tls)


SECRETIVE = Clinic(
    code="s",
    name="S",
    pacs=msgspec.structs.replace(
        PACS, tls=PacsTls(ca=Path("/etc/ca.pem"), certificate=Path("/etc/c.pem"), key=Path("/etc/k.pem"))
    ),
    fhir=Fhir(url="https://fhir.example/r4", token="hush", token_file=Path("/etc/token")),
    delivery=Delivery(consent="when_given", per_day=2),
    more_pacs=(shown_to("OLD", "/etc/old.pem"), shown_to("OLDER", "/etc/older.pem")),
)


def test_what_is_kept_is_what_was_set_and_no_secret() -> None:
    assert document_of(SECRETIVE) == {
        "name": "S",
        "pacs": {"ae_title": "ORTHANC", "host": "127.0.0.1", "port": 4242, "tls": {"ca": "/etc/ca.pem"}},
        "fhir": {"url": "https://fhir.example/r4"},
        "delivery": {"consent": "when_given", "per_day": 2},
        "more_pacs": [
            {"ae_title": title, "host": "127.0.0.2", "port": 104, "tls": {"ca": "/etc/ca.pem"}}
            for title in ("OLD", "OLDER")
        ],
    }
    assert clinic_of("s", document_of(SECRETIVE), SECRETIVE) == SECRETIVE


def test_a_secret_goes_nowhere_but_where_the_file_sends_it() -> None:
    document = document_of(SECRETIVE) | {"fhir": {"url": "https://elsewhere.example/"}}
    assert clinic_of("s", document, SECRETIVE).fhir == Fhir(url="https://elsewhere.example/")
    assert clinic_of("s", document_of(SECRETIVE), A).fhir.token == ""
    old, older = document_of(SECRETIVE)["more_pacs"]
    renamed = {**old, "ae_title": "UNHEARD"}
    mixed = clinic_of("s", document_of(SECRETIVE) | {"pacs": old, "more_pacs": [older, renamed]}, SECRETIVE)
    shown = [pacs.tls and str(pacs.tls.certificate) for pacs in mixed.every_pacs]
    assert shown == ["/etc/old.pem", "/etc/older.pem", "None"], "each PACS is shown what the file shows to it"
    without = clinic_of("s", document_of(SECRETIVE), None)
    assert (without.fhir.token, without.pacs.tls) == ("", PacsTls(ca=Path("/etc/ca.pem")))


def test_an_edition_tells_one_from_another_and_the_fields_that_differ_are_named() -> None:
    other = clinic_of("a", SET, A)
    assert edition(A) == edition(clinic_of("a", document_of(A), A)) != edition(other)
    assert edition(None) == ""
    assert changed_fields(A, other) == ["name", "pacs.ae_title", "pacs.host", "pacs.port"]
    assert changed_fields(None, A) == changed_fields(A, other)
    assert changed_fields(A, A) == []
    more = msgspec.structs.replace(A, more_pacs=(shown_to("OLD", "/etc/old.pem"),))
    moved = msgspec.structs.replace(A, more_pacs=(msgspec.structs.replace(more.more_pacs[0], port=105),))
    assert changed_fields(more, moved) == ["more_pacs[0].port"]


def test_whoever_watches_is_told_what_holds_and_only_of_what_is_another() -> None:
    current, told = Current(FILE), list[Config]()
    current.tell(told.append)
    assert [current.take({"b": SET}), current.take({"b": SET}), current.take({"b": NEWER})] == [True, False, False]
    assert told == [FILE, current.now]
    assert set(current.unusable) == {"b"}
    assert current.take({})
    assert current.now == current.file == FILE
    assert current.unusable == {}


def test_a_document_is_held_to_the_rules_of_the_file() -> None:
    with pytest.raises(ConfigError) as raised:
        clinic_of("a", {**SET, "time_zone": "Mars/Olympus"}, A)
    assert str(raised.value.parameters["problem"]).startswith("time_zone: ")


def test_what_is_written_as_toml_is_read_as_the_same() -> None:
    document = document_of(SECRETIVE) | {"also_remove": ["A", 'a "quoted"\n\\'], "start_page": True, "hours": 2.5}
    assert tomllib.loads(as_toml(document)) == document
    assert as_toml({}) == ""
