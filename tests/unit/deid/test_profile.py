import pytest

from studypub.deid import tables
from studypub.deid.explain import explain
from studypub.deid.profile import load, names
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


@pytest.mark.parametrize("name", names())
def test_a_profile_explains_itself_in_both_languages(name: str) -> None:
    profile = load(name)
    assert "ANON-" in explain(profile, "ru")
    assert all(claim.value in explain(profile, "en") for claim in profile.claims)
