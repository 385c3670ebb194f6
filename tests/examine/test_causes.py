"""Every cause: its code is its own, its words are whole in both languages, and the manual has an entry for it."""

import re
import string
from collections import Counter
from pathlib import Path

import pytest

from studypub.config import Clinic, Config, Pacs
from studypub.errors import Sentence
from studypub.flows.examine import pacs
from studypub.flows.examine.causes import every_cause, transfer
from studypub.flows.examine.finding import Cause, Level

DOCS = Path(__file__).resolve().parents[2] / "docs"
CAUSES = {cause.code: cause for cause in every_cause()}
_CLINIC = Clinic(code="c", name="Клиника", pacs=Pacs(ae_title="A", host="h", port=1))
_SIGNS = {Level.PASSED: "✓", Level.WARNED: "!", Level.FAILED: "✗"}
# What each part's words are given, besides what every PACS's are.
_WORDS = {
    "config": set(),
    "check": {"seconds"},
    "database": {"version", "account", "said_ru", "said_en", "code", "codes", "problem"},
    "clock": {"skew"},
    "disk": {"folder", "least", "free", "why"},
    "backup": {"folder", "age", "hours", "machine"},
    "machine": {"name", "ae_title", "version", "hours", "minutes", "sections", "said_ru", "said_en"},
    "text": set(),
    "viewer": {"version"},
    "certificate": {"said_ru", "said_en"},
    "mail": {"said_ru", "said_en"},
    "provider": {"section", "issuer", "why_ru", "why_en"},
    "storage": {
        "endpoint", "host", "bucket", "region", "named_ru", "named_en", "right_region", "right", "step", "code", "skew",
        "ahead_ru", "ahead_en", "folder", "why",
    },
    "address": {
        "base", "url", "host", "port", "listener", "seconds", "status", "server", "target", "peer", "proto",
    },
    "pacs": {
        *pacs.way_to(Config(), _CLINIC, _CLINIC.pacs).words,
        "count", "source", "reason", "status", "why_ru", "why_en", "charset", "listener",
    },
    "transfer": {
        *pacs.way_to(Config(), _CLINIC, _CLINIC.pacs).words,
        "count", "received", "expected", "status_ru", "status_en", "address", "title", "reason_ru", "reason_en",
        "names", "why", "number_ru", "number_en", "said_ru", "said_en",
    },
}  # fmt: skip


def fields(words: Sentence) -> list[set[str]]:
    return [{name for _, name, _, _ in string.Formatter().parse(text) if name} for text in words]


def test_every_code_is_used_once() -> None:
    assert Counter(cause.code for cause in every_cause()).most_common(1)[0][1] == 1
    assert {cause.code.partition("_")[0].lower() for cause in CAUSES.values()} == set(_WORDS)


@pytest.mark.parametrize("cause", CAUSES.values(), ids=CAUSES)
def test_its_words_are_whole(cause: Cause) -> None:
    part = cause.code.partition("_")[0].lower()
    for words in (cause.sentence, cause.remedy):
        ru, en = fields(words)
        assert ru | en <= _WORDS[part]
        assert {name.removesuffix("_ru") for name in ru} == {name.removesuffix("_en") for name in en}
        assert bool(words.ru) is bool(words.en)
        assert not words.ru or (words.ru[-1] in ".;}" and words.en[-1] in ".;}")
    assert cause.level is Level.PASSED or cause.remedy.ru


@pytest.mark.parametrize(("name", "language"), [("doctor.md", "en"), ("doctor.ru.md", "ru")])
def test_the_manual_has_an_entry_for_each_code_and_no_others(name: str, language: str) -> None:
    lines = (DOCS / name).read_text("utf-8").splitlines()
    entries = [line for line in lines if re.match(r"\| `[A-Z]+_", line)]
    assert sorted(entries) == sorted(row(cause, language) for cause in CAUSES.values())


def row(cause: Cause, language: str) -> str:
    """Return what the manual says of a cause."""
    said = (
        re.sub(r"{(\w+?)(_ru|_en)?(:[^}]*)?}", r"‹\1›", getattr(words, language))
        for words in (cause.sentence, cause.remedy)
    )
    sentence, remedy = (text.replace("{{", "{").replace("}}", "}").replace("|", "\\|") for text in said)
    return f"| `{cause.code}` | {_SIGNS[cause.level]} | {sentence} | {remedy} |"


def test_what_a_stranger_says_is_fit_to_be_printed() -> None:
    found = transfer.FOREIGN_TITLE.found(pacs="P", title="A\x1b[31mB\n" + "x" * 1000)
    assert "A?[31mB?xxx" in found.sentence.ru
    assert len(found.sentence.en) < 500
