"""What a clinic may put before the names of its objects, and which names are ours then."""

import pytest

from studypub.config import Clinic, Pacs
from studypub.core import ids
from studypub.store.base import checked

PACS = Pacs(ae_title="PACS", host="127.0.0.1", port=104)


@pytest.mark.parametrize("prefix", ["", "khimki/", "a_b-1/2026/c/d/", f"{'k' * 64}/", "studies/"])
def test_these_it_may_be_and_names_stay_keys_that_nobody_guesses(prefix: str) -> None:
    assert Clinic(code="c", name="-", pacs=PACS, storage_prefix=prefix).storage_prefix == prefix
    keys = [make(prefix=prefix) for make in (ids.new_object_key, ids.new_companion_key, ids.new_report_key) * 2]
    assert len({key.partition("studies/")[2] for key in keys}) == 6
    for key in keys:
        assert checked(key).startswith(f"{prefix}studies/")
        assert ids.is_object_key(key, {"other/", prefix})
        assert ids.is_object_key(key) is (prefix == ""), "another's, who shares the store"


BARE = ("khimki", "/", "/khimki/", "khimki//", "../", "a/../b/", ".a/", "a.b/", "a/b/c/d/e/", f"{'k' * 65}/")
ODD = ("химки/", "a b/", "a\n/", "a/\n", "a%2F/", "a\\/", "٣/")


@pytest.mark.parametrize("prefix", [*BARE, *ODD])
def test_these_it_may_not_be(prefix: str) -> None:
    with pytest.raises(ValueError, match="storage_prefix"):
        Clinic(code="c", name="-", pacs=PACS, storage_prefix=prefix)
