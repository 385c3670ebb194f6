"""When somebody is written to, and what."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from string import Formatter
from typing import Any

import pytest

from studypub.core import alert_words
from studypub.core.alerts import (
    AGAIN,
    CALM,
    Change,
    Key,
    Kind,
    Limits,
    Standing,
    Values,
    follow,
    to_tell,
    unknown,
    wrong,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LIMITS = Limits(
    errors_percent=30, errors_least=3, errors_hours=4, nothing_published=timedelta(hours=4), disk_free_mb=5120,
    backup=timedelta(hours=50), pacs=timedelta(minutes=15), part=timedelta(minutes=10), certificate=timedelta(days=14),
    machine=timedelta(minutes=15), wal=timedelta(minutes=15),
)  # fmt: skip
OFF = Limits(
    errors_percent=0, errors_least=1, errors_hours=4, nothing_published=timedelta(), disk_free_mb=0,
    backup=timedelta(), pacs=timedelta(), part=timedelta(), certificate=timedelta(),
    machine=timedelta(), wal=timedelta(),
)  # fmt: skip
FINE = Values(
    parts={}, pacs={}, disk_free_mb=9000, backup_age=timedelta(hours=20), certificate_left=timedelta(days=60),
    published=9,
)  # fmt: skip
WRONG: list[tuple[dict[str, Any], Key]] = [
    ({"parts": {"storage": NOW - timedelta(minutes=10)}}, Key(Kind.PART, "storage")),
    ({"pacs": {"ORTHANC": NOW - timedelta(minutes=15)}}, Key(Kind.PACS, "ORTHANC")),
    ({"failed": 3, "published": 7}, Key(Kind.ERRORS)),
    ({"nothing_published": timedelta(hours=4)}, Key(Kind.NOTHING_PUBLISHED)),
    ({"disk_free_mb": 5119}, Key(Kind.DISK)),
    ({"backup_age": timedelta(hours=50)}, Key(Kind.BACKUP)),
    ({"certificate_left": timedelta(days=13)}, Key(Kind.CERTIFICATE)),
    ({"certificate_left": timedelta(days=-3)}, Key(Kind.CERTIFICATE)),
    ({"audit_broken_at": 7}, Key(Kind.AUDIT)),
    ({"machines": {"left": NOW - timedelta(minutes=15), "right": NOW}}, Key(Kind.MACHINE, "left")),
    ({"wal": NOW - timedelta(minutes=15)}, Key(Kind.WAL)),
]
NOT_WRONG: list[dict[str, Any]] = [
    {},
    {"parts": {"storage": NOW - timedelta(minutes=9)}},
    {"pacs": {"ORTHANC": NOW - timedelta(minutes=14)}},
    {"machines": {"left": NOW - timedelta(minutes=14)}, "wal": NOW - timedelta(minutes=14)},
    {"failed": 2, "published": 0},  # too few to say anything
    {"failed": 3, "published": 8},
    {"nothing_published": timedelta(hours=3)},
    {"disk_free_mb": None, "backup_age": None, "certificate_left": None},
]


@pytest.mark.parametrize(("values", "key"), WRONG)
def test_what_is_wrong(values: dict[str, Any], key: Key) -> None:
    assert set(wrong(replace(FINE, **values), LIMITS, NOW)) == {key}


@pytest.mark.parametrize("values", NOT_WRONG)
def test_what_is_not(values: dict[str, Any]) -> None:
    assert wrong(replace(FINE, **values), LIMITS, NOW) == {}


@pytest.mark.parametrize(("values", "key"), WRONG)
def test_a_limit_of_nothing_is_not_looked_at(values: dict[str, Any], key: Key) -> None:
    found = wrong(replace(FINE, **values), OFF, NOW)
    assert set(found) == ({key} if key.kind is Kind.AUDIT else set())


def test_every_kind_can_be_wrong_and_has_its_words() -> None:
    assert {key.kind for _, key in WRONG} == set(Kind)
    for values, key in WRONG:
        facts = wrong(replace(FINE, **values), LIMITS, NOW)[key]
        for over in (False, True):
            text = alert_words.said(Standing(key, NOW, facts), over=over)
            assert re.search("[а-я]", text.ru)
            assert not re.search("[а-я]", text.en)
            assert "{" not in text.ru + text.en


def test_both_languages_name_the_same_facts() -> None:
    for texts in (alert_words._WRONG, alert_words._OVER):
        for sentence in texts.values():
            ru, en = ({name for _, name, _, _ in Formatter().parse(text) if name} for text in sentence)
            assert ru == en


DISK = Key(Kind.DISK)
FACTS = {"free": 1, "wanted": 2}


def test_an_alert_is_told_once_again_after_a_day_and_when_it_is_over() -> None:
    now, standing, told = NOW, list[Standing](), list[tuple[timedelta, bool]]()
    for _ in range(60 * 30):
        found = {DISK: FACTS} if now - NOW < timedelta(hours=25) else {}
        standing = follow(standing, found, now)
        for change in to_tell(standing, now):
            told.append((now - NOW, change.over))
            standing = [change.kept] if change.kept else []
        now += timedelta(minutes=1)
    assert told == [(timedelta(), False), (AGAIN, False), (timedelta(hours=25) + CALM, True)]
    assert standing == []


def test_what_comes_and_goes_is_one_alert() -> None:
    standing, told = [Standing(DISK, NOW, FACTS, told_at=NOW)], 0
    for minute in range(1, 120):
        now = NOW + timedelta(minutes=minute)
        standing = follow(standing, {DISK: FACTS} if minute % 10 < 5 else {}, now)
        told += len(to_tell(standing, now))
    assert told == 0
    assert standing[0].since == NOW


def test_of_what_nobody_heard_no_end_is_told() -> None:
    assert follow([Standing(DISK, NOW, FACTS)], {}, NOW) == []


def test_what_cannot_be_told_is_told_later() -> None:
    standing = follow([], {DISK: FACTS}, NOW)
    later = NOW + timedelta(hours=1)
    assert to_tell(follow(standing, {DISK: FACTS}, later), later)[0].standing.since == NOW


def test_what_nobody_could_look_at_stays_as_it_is() -> None:
    standing = [Standing(Key(Kind.CERTIFICATE), NOW, {"days": 3}, told_at=NOW)]
    values = replace(FINE, certificate_left=None)
    assert follow(standing, wrong(values, LIMITS, NOW), NOW, unknown(values)) == standing
    assert unknown(FINE) == set()


def test_one_mail_tells_all() -> None:
    begun = Change(Standing(DISK, NOW, {"free": 10, "wanted": 5120}), over=False, kept=None)
    ended = Change(Standing(Key(Kind.PACS, "ORTHANC"), NOW, {"minutes": 20}, told_at=NOW), over=True, kept=None)
    subject, text = alert_words.letter([begun, ended], "https://clinic.example", UTC)
    assert subject.en == "studypub: 10 MB of disk are free, there should be 5120 MB at least and 1 more"
    assert text.en == (
        "Wrong:\n- 10 MB of disk are free, there should be 5120 MB at least. Make room. (since 01.03.2026 12:00)\n\n"
        "In order again:\n- PACS ORTHANC answers again. (since 01.03.2026 12:00)\n\n"
        "Unless that changes, it comes again in a day.\n\n"
        "This is a mail of studypub, https://clinic.example. It holds no patient's data."
    )
    assert "Снова в порядке:" in text.ru
    only_good = alert_words.letter([ended], "", UTC)[1].en
    assert "Wrong" not in only_good
    assert "again in a day" not in only_good
