"""A gate that is made early is taken over where nothing has come to be looked for since, and never else."""

from io import BytesIO

from pydicom.dataset import FileDataset
from tests.peers.studies import make_study

from studypub.gate.clues import Maker, Permitted
from studypub.gate.gate import Gate
from studypub.gate.harvest import Harvest


def file_of(dataset: FileDataset) -> bytes:
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def test_the_other_images_of_a_study_add_nothing_that_takes_time() -> None:
    first, *others = map(file_of, make_study(patient_id="P-500123", accession_number="KP125706548L", instances=5))
    harvest = Harvest({})
    assert harvest.add(first)
    early = Gate(harvest)
    assert all(map(harvest.add, others))
    late = Gate(harvest, early=early)
    assert late._spotter.patterns is early._spotter.patterns
    for file in (first, *others):  # the UIDs of the others too, which the early one does not know
        assert late.search("m", file) == Gate(harvest).search("m", file) != []


def test_what_only_the_last_image_tells_is_looked_for() -> None:
    first, last = make_study(patient_id="P-500123", accession_number="KP125706548L", instances=2)
    last.OtherPatientNames = "Берендеева^Ульяна"
    harvest = Harvest({})
    assert harvest.add(file_of(first))
    early = Gate(harvest)
    assert harvest.add(file_of(last))
    late = Gate(harvest, early=early)
    text = "осмотрена Берендеева".encode()
    assert early.search("m", text) == []
    assert late.search("m", text) == Gate(harvest).search("m", text) != []


def test_clues_that_are_made_as_they_come_are_those_made_at_once() -> None:
    datasets = make_study(patient_id="P-500123", accession_number="KP125706548L", instances=4)
    datasets[1].OtherPatientNames = "Берендеева^Ульяна"
    datasets[2].InstitutionName = "Городская больница на Тверской"
    datasets[3].ScheduledProcedureStepStartDate = "20240131"
    harvest, permitted = Harvest({"patient_name": "ИВАНОВА^АННА"}), Permitted(days=17)
    maker = Maker(harvest, permitted)
    known = []
    for dataset in datasets:
        assert harvest.add(file_of(dataset))
        clues, whole = maker.clues(), Maker(harvest, permitted).clues()
        assert list(clues.anywhere) == list(whole.anywhere)
        assert list(clues.words) == list(whole.words)
        spelled = [[list(clue.spellings()) for clue in made.anywhere.values()] for made in (clues, whole)]
        assert spelled[0] == spelled[1]
        known.append(len(clues.anywhere))
    assert known == sorted(set(known))
    assert not maker.is_for(harvest, Permitted())
    assert not maker.is_for(Harvest({}), permitted)
