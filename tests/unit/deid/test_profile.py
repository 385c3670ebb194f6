from pathlib import Path

import pytest
from tests.unit.deid.corpus import image

from studypub.deid import tables
from studypub.deid.explain import Language, explain
from studypub.deid.instance import Deidentifier, Kept
from studypub.deid.profile import OPTIONS, load, names
from studypub.errors import Refused


def test_the_table_is_whole() -> None:
    rows = tables.confidentiality()
    assert len(rows) == 657 - 4  # curves, two overlay rows and private attributes are never looked at
    assert rows[0x00100010].actions["basic"] == "Z"


def test_the_basic_profile_claims_the_basic_code() -> None:
    assert [claim.value for claim in load("basic").claims] == ["113100"]
    assert load("basic").dates == "REMOVED"


def test_an_unknown_profile_is_refused_with_the_known_ones() -> None:
    with pytest.raises(Refused) as caught:
        load("none")
    assert "basic" in caught.value.sentence.en


def test_a_clinic_may_remove_more_and_the_object_stays_whole() -> None:
    original = image()
    original.PatientSex, original.PatientAge, original.KVP, original.SeriesDescription = "F", "040Y", "120", "T2"
    profile = load("second-opinion", ["PatientSex", "PatientAge", "KVP", "Modality"])
    result = Deidentifier(profile, bytes(32)).instance(original)
    assert isinstance(result, Kept)
    new = result.dataset
    assert (new.PatientSex, new.KVP, new.Modality, new.SeriesDescription) == ("", None, "OT", "T2")
    assert "PatientAge" not in new
    assert "PatientAge, PatientSex" in explain(profile, "en")


@pytest.mark.parametrize("keyword", ["PatientSexx", "SOPInstanceUID", "Rows"])
def test_a_removal_that_cannot_be_is_refused(keyword: str) -> None:
    with pytest.raises(Refused) as caught:
        load("basic", [keyword])
    assert keyword in caught.value.sentence.ru


@pytest.mark.parametrize("name", names())
def test_a_profile_explains_itself_in_both_languages(name: str) -> None:
    profile = load(name)
    assert "ANON-" in explain(profile, "ru")
    assert all(claim.value in explain(profile, "en") for claim in profile.claims)


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("language", ["ru", "en"])
def test_the_manual_is_what_the_profiles_say(name: str, language: Language) -> None:
    manual = (Path(__file__).parents[3] / "docs/deidentification.md").read_text("utf-8")
    assert explain(load(name), language) in manual


def test_every_option_is_a_column_of_the_table_and_is_explained() -> None:
    columns = {option for row in tables.confidentiality().values() for option in row.actions} - {"basic"}
    assert columns | {"safe_private"} == set(OPTIONS)
    assert {option for name in names() for option in load(name).options} <= set(OPTIONS)
    texts = {explain(load(name), "en") for name in names()}
    assert len(texts) == len(names())
