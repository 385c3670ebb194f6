"""Finding and fetching from a PACS that lies, stops, repeats itself and mixes studies up: what must come of it."""

import asyncio
import socket
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from pydicom.dataset import FileDataset
from tests.peers.desk import OTHER_HOST, OTHER_TITLE, PATIENT, task
from tests.peers.facing import Facing
from tests.peers.pacs_behaviours import BEHAVIOURS
from tests.peers.program import deaf_port
from tests.peers.resources import becomes_true
from tests.peers.scripted_pacs import Behaviour, ScriptedPacs
from tests.peers.studies import make_study

from studypub.core.publication import Part
from studypub.dicom.spool import StudyIsBusy
from studypub.flows.retrieve import Progress

NOT_AUTHORIZED, DOES_NOT_MATCH = 0x0124, 0xA900


def uids(study: list[FileDataset]) -> set[str]:
    return {str(instance.SOPInstanceUID) for instance in study}


@pytest.fixture(scope="module")
def two_series(study: list[FileDataset]) -> list[FileDataset]:
    second = make_study(patient_id=PATIENT, accession_number=str(study[0].AccessionNumber), seed=702, instances=3)
    for instance in second:
        instance.StudyInstanceUID = study[0].StudyInstanceUID
    return [*study, *second]


def test_every_behaviour_is_tried() -> None:
    source = Path(__file__).read_text("utf-8")
    assert [name for name in BEHAVIOURS if f'"{name}"' not in source] == []
    assert len(BEHAVIOURS) >= 40


# The whole study or nothing


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("honest", ["STUDY"]),
        ("sends backwards", ["STUDY"]),
        ("miscounts what it sends", ["STUDY"]),
        ("says it is done twice", ["STUDY"]),
        ("drops three", ["STUDY", "IMAGE 3"]),
        ("drops three and says so", ["STUDY", "IMAGE 3"]),
        ("knows no images", ["STUDY", "IMAGE 2", "SERIES"]),
    ],
)
async def test_f36_only_what_is_missing_is_asked_for_again(facing: Facing, name: str, asked: list[str]) -> None:
    outcome = await facing.fetch(name)
    assert (outcome.uids, outcome.error) == (uids(facing.study), None)
    assert facing.pacs.asked == asked


async def test_f36_a_missing_series_is_asked_for_as_a_series(facing: Facing, two_series: list[FileDataset]) -> None:
    outcome = await facing.fetch("drops a series", two_series)
    assert (outcome.uids, facing.pacs.asked) == (uids(two_series), ["STUDY", "SERIES"])


async def test_f36_the_same_over_c_get(facing: Facing) -> None:
    facing.become("honest")  # its C-GET leaves two out the first time
    facing.desk.pacs = msgspec.structs.replace(facing.desk.pacs, retrieve="get")
    outcome = await facing.desk.fetch()
    assert (outcome.uids, facing.pacs.asked) == (uids(facing.study), ["STUDY", "IMAGE 2"])


@pytest.mark.parametrize(
    ("name", "arrived"),
    [("drops one for ever", 4), ("gives them other uids", 0), ("holds the last back", 4), ("sends paths for uids", 4)],
)
@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")
async def test_f36_a_study_of_which_something_is_missing_is_none(facing: Facing, name: str, arrived: int) -> None:
    outcome = await facing.fetch(name)
    assert outcome.instances == []
    assert outcome.said[0] == "IncompleteRetrieve"
    assert outcome.said[1].startswith(f"{arrived} of 5 images arrived")
    assert outcome.retry
    assert len(facing.pacs.asked) == 3  # the study, and twice what is missing


# It says yes and does nothing, or later


@pytest.mark.parametrize(
    "name", ["succeeds with nothing", "B000 with nothing", "unknown calling title", "stops at once"]
)
async def test_f34_nothing_arrives_and_the_pacs_does_not_complain(facing: Facing, name: str) -> None:
    outcome = await facing.fetch(name)
    kind, sentence = outcome.said
    assert (kind, outcome.retry) == ("NothingArrived", True)
    assert sentence.startswith("0 of 5 images arrived from the PACS SCRIPT")
    assert "STUDYPUB" in sentence
    assert str(facing.desk.scp.port) in sentence
    assert facing.pacs.asked == ["STUDY"]


async def test_f35_images_that_come_after_the_answer_are_waited_for(facing: Facing) -> None:
    facing.desk.set(quiet_seconds=10.0)  # never reached: all is here before
    outcome = await facing.fetch("succeeds and sends later")
    assert (outcome.uids, facing.pacs.asked) == (uids(facing.study), ["STUDY"])


@pytest.mark.parametrize("name", ["A702", "A701", "C000", "FE00"])
async def test_f34_a_pacs_that_cannot_deliver_says_so(facing: Facing, name: str) -> None:
    outcome = await facing.fetch(name)
    kind, sentence = outcome.said
    assert (kind, outcome.retry) == ("PacsCannotDeliver", True)
    assert f"0x{name}" in sentence
    assert "AE title STUDYPUB" in sentence


@pytest.mark.parametrize("name", ["A801", "aborts at once"])
async def test_f33_a_destination_that_the_pacs_does_not_know(facing: Facing, name: str) -> None:
    outcome = await facing.fetch(name)
    kind, sentence = outcome.said
    assert (kind, outcome.retry) == {
        "A801": ("PacsRefused", False),
        "aborts at once": ("PacsCannotDeliver", True),  # it does not say why
    }[name]
    assert "the AE title STUDYPUB" in sentence


@pytest.mark.parametrize("name", ["A900", "0124"])
async def test_f33_a_no_that_stays_no(facing: Facing, name: str) -> None:
    outcome = await facing.fetch(name)
    assert (outcome.said[0], outcome.retry) == ("PacsRefused", False)


# It stops


@pytest.mark.parametrize(
    ("name", "asked", "quiet"),
    [("aborts midway", ["STUDY", "IMAGE 3"], 0.3), ("aborts and goes on", ["STUDY"], 10.0)],
)
async def test_f37_what_came_before_an_abort_is_kept(facing: Facing, name: str, asked: list[str], quiet: float) -> None:
    facing.desk.set(quiet_seconds=quiet)
    outcome = await facing.fetch(name)
    assert (outcome.uids, facing.pacs.asked) == (uids(facing.study), asked)
    assert await asyncio.to_thread(becomes_true, lambda: len(facing.pacs.stored) >= 5)  # it notes what we answer
    assert len(facing.pacs.stored) == 5  # none of them twice


async def test_f38_a_transfer_that_stands_still_is_cut_short(facing: Facing) -> None:
    outcome = await facing.fetch("stops midway")
    assert (outcome.uids, facing.pacs.asked) == (uids(facing.study), ["STUDY", "IMAGE 3"])


async def test_f38_the_same_image_again_and_again_is_no_progress(facing: Facing) -> None:
    facing.desk.set(stall_seconds=0.5)
    outcome = await facing.fetch("repeats the first")
    assert outcome.said[0] == "IncompleteRetrieve"
    assert len(facing.pacs.asked) == 3


async def test_f38_all_is_here_and_the_pacs_does_not_say_that_it_is_done(facing: Facing) -> None:
    outcome = await facing.fetch("says pending though done")
    assert (outcome.uids, facing.pacs.asked) == (uids(facing.study), ["STUDY"])


async def test_f38_slow_is_no_fault(facing: Facing) -> None:
    """The whole takes longer than one may stand still."""
    outcome = await facing.fetch("trickles")
    assert (outcome.uids, facing.pacs.asked) == (uids(facing.study), ["STUDY"])


async def test_f38_there_is_an_end_to_patience(facing: Facing) -> None:
    facing.desk.set(retrieve_timeout_seconds=1.5)
    outcome = await facing.fetch("trickles for too long")
    assert outcome.said[0] == "IncompleteRetrieve"
    assert outcome.said[1].startswith("1 of 5")


# What we did not ask for


async def test_f39_what_comes_too_late_is_refused(facing: Facing) -> None:
    outcome = await facing.fetch("sends one more later")
    assert outcome.uids == uids(facing.study)
    before = {one.path: one.path.read_bytes() for one in outcome.instances}
    facing.pacs.go_on.set()
    await asyncio.to_thread(facing.pacs.join)
    assert facing.pacs.stored == [0, 0, 0, 0, 0, NOT_AUTHORIZED]
    assert {path: path.read_bytes() for path in before} == before
    assert facing.desk.spool.unexpected() == 1


async def test_f40_the_same_image_twice_is_one(facing: Facing) -> None:
    outcome = await facing.fetch("sends twice")
    assert (outcome.uids, len(outcome.instances)) == (uids(facing.study), 5)


async def test_f40_two_images_under_one_name_are_a_conflict(facing: Facing) -> None:
    outcome = await facing.fetch("sends another under the same name")
    assert (outcome.said[0], outcome.retry) == ("ConflictingInstances", False)


async def test_f41_another_study_is_refused_and_counted(facing: Facing) -> None:
    outcome = await facing.fetch("sends another study too")
    assert outcome.uids == uids(facing.study)
    assert facing.pacs.stored == [0, 0, NOT_AUTHORIZED, NOT_AUTHORIZED, 0, 0, 0]
    assert facing.desk.spool.unexpected() == 2
    assert facing.desk.spool.unexpected() == 0


async def test_f41_another_study_instead(facing: Facing) -> None:
    outcome = await facing.fetch("sends another study")
    assert outcome.said[0] == "NothingArrived"
    assert set(facing.pacs.stored) == {NOT_AUTHORIZED}


@pytest.mark.parametrize(("source", "title"), [("127.0.0.1", OTHER_TITLE), (OTHER_HOST, ScriptedPacs.ae_title)])
async def test_f41_images_of_the_study_from_the_pacs_of_another_clinic_are_refused(
    facing: Facing, source: str, title: str
) -> None:
    facing.become("stops midway")
    fetching = asyncio.create_task(facing.desk.fetch())
    assert await asyncio.to_thread(facing.pacs.holding.wait, 20)
    stranger = ScriptedPacs(facing.pacs.destination)
    stranger.become(Behaviour(calling=title, source=source), facing.study)
    await asyncio.to_thread(stranger.push)
    assert stranger.stored == [NOT_AUTHORIZED] * 5
    assert (await fetching).uids == uids(facing.study)
    assert facing.pacs.asked == ["STUDY", "IMAGE 3"]
    assert facing.desk.spool.unexpected() == 5


# Several at once


async def test_f42_two_attempts_at_one_study_take_turns(facing: Facing) -> None:
    facing.become("trickles")
    progress = Progress()
    first = asyncio.create_task(facing.desk.fetch(progress=progress))
    async with asyncio.timeout(10):
        while progress.received == 0:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)
    second = await facing.desk.fetch()
    assert isinstance(second.error, StudyIsBusy)
    assert (await first).uids == uids(facing.study)
    assert len(facing.pacs.stored) == 5


async def test_f43_many_studies_of_one_patient_at_once(facing: Facing) -> None:
    studies = [
        make_study(patient_id=PATIENT, accession_number=f"ACC-{number}", seed=710 + number, instances=number)
        for number in range(4, 10)
    ]
    facing.become("drops three", [instance for study in studies for instance in study])
    outcomes = await asyncio.gather(*(facing.desk.fetch(task(str(study[0].AccessionNumber))) for study in studies))
    assert [outcome.uids for outcome in outcomes] == [uids(study) for study in studies]


# How it calls us


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("no move originator", ["STUDY"]),
        ("other calling title", ["STUDY"]),
        ("one association", ["STUDY", "IMAGE 2"]),
    ],
)
async def test_f44_a_pacs_calls_us_in_its_own_way(facing: Facing, name: str, asked: list[str]) -> None:
    facing.desk.pacs = msgspec.structs.replace(facing.desk.pacs, peer_ae_titles=(OTHER_TITLE,))
    outcome = await facing.fetch(name)
    assert (outcome.uids, facing.pacs.asked) == (uids(facing.study), asked)


@pytest.mark.parametrize(("source", "title"), [("127.0.0.1", OTHER_TITLE), (OTHER_HOST, ScriptedPacs.ae_title)])
async def test_f44_a_pacs_may_send_from_further_addresses_under_further_titles(
    facing: Facing, source: str, title: str
) -> None:
    facing.become("honest")
    facing.pacs.behaviour = Behaviour(calling=title, source=source)
    facing.desk.pacs = msgspec.structs.replace(facing.desk.pacs, peers=(OTHER_HOST,), peer_ae_titles=(OTHER_TITLE,))
    assert (await facing.desk.fetch()).uids == uids(facing.study)


# The study changes


async def test_f51_what_is_added_meanwhile_is_fetched_too(facing: Facing) -> None:
    added = make_study(patient_id=PATIENT, accession_number=str(facing.study[0].AccessionNumber), seed=730, instances=2)
    for instance in added:
        instance.StudyInstanceUID = facing.study[0].StudyInstanceUID
    facing.other = added
    outcome = await facing.fetch("grows")
    assert (outcome.uids, facing.pacs.asked) == (uids([*facing.study, *added]), ["STUDY", "SERIES"])


async def test_f51_a_study_that_keeps_growing_is_not_ready(facing: Facing) -> None:
    outcome = await facing.fetch("keeps growing")
    assert (outcome.said[0], outcome.retry) == ("StudyChanged", True)


async def test_f51_a_study_that_is_merged_is_fetched_anew_under_its_new_name(facing: Facing) -> None:
    facing.become("merges")
    wanted = task()
    first = await facing.desk.fetch(wanted)
    assert (first.said[0], first.retry) == ("StudyChanged", True)
    second = await facing.desk.fetch(wanted)
    assert second.uids == uids(facing.study)
    assert facing.pacs.asked == ["STUDY", "STUDY"]  # what came under the old name is of no use


async def test_f51_what_is_deleted_meanwhile_is_left_out(facing: Facing) -> None:
    outcome = await facing.fetch("shrinks")
    assert outcome.uids == uids(facing.study[:-1])


async def test_f51_a_study_that_becomes_another_patient_s(facing: Facing) -> None:
    outcome = await facing.fetch("becomes another patient's")
    assert (outcome.said[0], outcome.retry) == ("PatientMismatch", False)


# What it says that it has


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("counts too few", ["STUDY"]),
        ("counts in words", ["STUDY"]),
        ("cuts its list short", ["STUDY"]),
        ("lists no images", ["STUDY"]),
        ("lists paths for uids", ["STUDY"]),
        ("lists no class", ["STUDY"]),
        ("only studies", ["STUDY", "STUDY"]),
    ],
)
@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")
async def test_f36_a_pacs_that_counts_or_lists_badly(facing: Facing, name: str, asked: list[str]) -> None:
    outcome = await facing.fetch(name)
    assert (outcome.uids, outcome.error) == (uids(facing.study), None)
    assert facing.pacs.asked == asked


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("counts too many", "5 of 7"),
        ("only studies, too many", "5 of 7"),
        ("cuts its list short and drops", "4 of 5"),
    ],
)
async def test_f36_where_its_answers_differ_the_greater_number_counts(facing: Facing, name: str, said: str) -> None:
    outcome = await facing.fetch(name)
    assert outcome.said[0] == "IncompleteRetrieve"
    assert outcome.said[1].startswith(said)


@pytest.mark.parametrize("name", ["only studies, too few", "only studies, no count"])
async def test_f36_what_cannot_be_proven_whole_is_not_published(facing: Facing, name: str) -> None:
    outcome = await facing.fetch(name)
    assert outcome.said[0] == "UnprovenStudy"


@pytest.mark.parametrize(
    ("name", "arrived", "part"),
    [
        ("drops one for ever", 4, Part(missing=1)),
        ("only studies, too few", 5, Part(missing=None)),
        ("only studies, no count", 5, Part(missing=None)),
        ("honest", 5, None),
    ],
)
async def test_f36_where_less_is_allowed_it_is_said_how_much_is_missing(
    facing: Facing, name: str, arrived: int, part: Part | None
) -> None:
    facing.become(name)
    outcome = await facing.desk.fetch(replace(task(), partial_reason="a series is broken"))
    assert (len(outcome.instances), outcome.part) == (arrived, part)


@pytest.mark.parametrize("name", ["keeps growing", "trickles for too long"])
async def test_f36_f38_where_less_is_allowed_neither_growth_nor_patience_is_waited_for(
    facing: Facing, name: str
) -> None:
    if name == "trickles for too long":
        facing.desk.set(retrieve_timeout_seconds=1.5)
    facing.become(name)
    outcome = await facing.desk.fetch(replace(task(), partial_reason="it never ends"))
    assert outcome.error is None
    assert outcome.part is not None
    assert outcome.instances


async def test_f36_of_a_study_that_is_merged_no_part_is_published(facing: Facing) -> None:
    facing.become("merges")
    outcome = await facing.desk.fetch(replace(task(), partial_reason="it never ends"))
    assert outcome.said[0] == "StudyChanged"


@pytest.mark.parametrize("name", ["answers twice", "ignores the keys", "lists another study's images"])
async def test_x16_answers_about_others_are_dropped(facing: Facing, name: str) -> None:
    outcome = await facing.fetch(name)
    assert (outcome.uids, outcome.error) == (uids(facing.study), None)


@pytest.mark.parametrize(
    "name", ["blank accession number", "pattern for an accession number", "another accession number"]
)
async def test_x16_only_the_exact_number_is_an_answer(facing: Facing, name: str) -> None:
    outcome = await facing.fetch(name)
    assert outcome.said[0] == "StudyNotFound"
    assert facing.pacs.asked == []


@pytest.mark.parametrize("name", ["another patient", "no patient"])
async def test_x15_only_the_patient_asked_for(facing: Facing, name: str) -> None:
    outcome = await facing.fetch(name)
    assert (outcome.said[0], outcome.retry) == ("PatientMismatch", False)
    assert facing.pacs.asked == []


@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")
async def test_x16_an_identifier_that_is_none(facing: Facing) -> None:
    outcome = await facing.fetch("a path for a study")
    assert (outcome.said[0], facing.pacs.asked) == ("PacsRefused", [])


async def test_x16_rows_without_number(facing: Facing) -> None:
    facing.desk.set(search_timeout_seconds=30.0)
    outcome = await facing.fetch("1e5 rows")
    assert (outcome.said[0], outcome.retry) == ("PacsRefused", False)
    assert "too many rows" in outcome.said[1]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("searches without end", "PacsBusy"),
        ("searches in silence", "PacsUnreachable"),
        ("search A700", "PacsBusy"),
        ("search C001", "PacsRefused"),
    ],
)
async def test_f38_a_search_has_an_end(facing: Facing, name: str, kind: str) -> None:
    facing.desk.set(search_timeout_seconds=0.8)
    outcome = await facing.fetch(name)
    assert outcome.said[0] == kind


@pytest.mark.parametrize("name", ["cp1251 called ISO_IR 100", "cp1251 called nothing", "cp1251 called UTF-8"])
@pytest.mark.filterwarnings("ignore:Failed to decode byte string")
async def test_f52_names_in_any_spelling_do_not_stand_in_the_way(facing: Facing, name: str) -> None:
    outcome = await facing.fetch(name)
    assert (outcome.uids, outcome.error) == (uids(facing.study), None)


async def test_f52_two_studies_of_one_number(facing: Facing) -> None:
    second = deepcopy(facing.study)
    for instance in second:
        instance.StudyInstanceUID = f"{instance.StudyInstanceUID}.2"
    outcome = await facing.fetch("honest", [*facing.study, *second])
    assert (outcome.said[0], outcome.retry, facing.pacs.asked) == ("AmbiguousAccession", False, [])


# It is not there, or does not let us in


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("rejects our title", "PacsRefused", "the AE title STUDYPUB is not registered"),
        ("rejects its own title", "PacsRefused", "its own AE title is not SCRIPT"),
        ("rejects its own title for now", "PacsRefused", "its own AE title is not SCRIPT"),
        ("rejects the application context", "PacsRefused", "application context"),
        ("rejects the protocol", "PacsRefused", "version of the protocol"),
        ("rejects without a reason", "PacsRefused", "does not say why"),
        ("rejects for now", "PacsFull", "cannot serve the request now"),
        ("is congested", "PacsFull", "cannot serve the request now"),
        ("is full", "PacsFull", "cannot serve the request now"),
        ("is full for good", "PacsFull", "cannot serve the request now"),
    ],
)
async def test_f32_a_rejection_is_judged_by_its_reason(facing: Facing, name: str, kind: str, words: str) -> None:
    outcome = await facing.fetch(name)
    assert (outcome.said[0], outcome.retry) == (kind, kind == "PacsFull")
    assert words in outcome.said[1]


async def test_f31_a_pacs_that_is_down_is_named(facing: Facing) -> None:
    with deaf_port() as port:
        facing.desk.pacs = msgspec.structs.replace(facing.desk.pacs, port=port)
        outcome = await facing.desk.fetch()
    assert (outcome.said[0], outcome.retry) == ("PacsAway", True)
    assert f"SCRIPT does not answer at 127.0.0.1:{port}" in outcome.said[1]


async def test_f31_a_name_that_nobody_has(facing: Facing) -> None:
    facing.desk.pacs = msgspec.structs.replace(facing.desk.pacs, host="pacs.invalid")
    assert (await facing.desk.fetch()).said[0] == "PacsAway"


async def test_f31_somebody_who_accepts_and_says_nothing(facing: Facing) -> None:
    facing.desk.set(connect_seconds=0.5)
    with socket.create_server(("127.0.0.1", 0)) as hole:
        facing.desk.pacs = msgspec.structs.replace(facing.desk.pacs, port=hole.getsockname()[1])
        outcome = await facing.desk.fetch()
    assert (outcome.said[0], outcome.retry) == ("PacsAway", True)
