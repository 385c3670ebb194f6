"""Makes studies of all sorts of people with all sorts of headers, seeded; and what is published of them."""

import random
from collections.abc import Iterator
from datetime import date, timedelta
from io import BytesIO

from pydicom.dataset import FileDataset
from tests.peers.studies import make_study
from tests.unit.gate import noise

from studypub.archive.readme import readme
from studypub.deid import descriptors
from studypub.deid.encode import to_part10
from studypub.deid.instance import Deidentifier, Kept
from studypub.deid.profile import load, names
from studypub.gate.clues import Permitted
from studypub.gate.gate import Finding, Gate
from studypub.gate.harvest import Harvest

_PEOPLE = (
    "ReferringPhysicianName", "PerformingPhysicianName", "OperatorsName", "PhysiciansOfRecord", "PatientBirthName",
    "PatientMotherBirthName", "OtherPatientNames", "RequestingPhysician", "NameOfPhysiciansReadingStudy",
)  # fmt: skip
_DATES = ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate", "DateOfLastCalibration", "LastMenstrualDate")
_TIMES = ("StudyTime", "SeriesTime", "AcquisitionTime", "ContentTime")
_NUMBERS = (
    "StudyID",
    "AdmissionID",
    "RequestedProcedureID",
    "PerformedProcedureStepID",
    "DeviceSerialNumber",
    "PlateID",
)
_DESCRIPTIONS = ("StudyDescription", "SeriesDescription", "ProtocolName", "RequestedProcedureDescription")
_PLACES = ("Химки", "Тверь", "Springfield", "Казань", "Самара", "Омск", "Рязань", "Псков", "Leipzig")
_STATIONS = ("CT01", "CTSCAN1", "AWP45678", "MRC40123", "KT", "RENTGEN1", "SCANNER", "OR1")
_SEVERAL = (("KVP", ("80", "100", "120", "140")), ("PatientPosition", ("HFS", "FFS", "HFP")), ("PatientSex", "MFO"))


def study(rng: random.Random) -> list[FileDataset]:
    """Return a small study of somebody."""
    name = noise.person(rng)
    made = make_study(
        patient_id=number(rng),
        accession_number=number(rng)[:16],
        instances=2,
        modality=rng.choice(("CT", "MR", "CR")),
        patient_name=name,
        seed=rng.getrandbits(32),
        misdeclared=rng.random() < 0.2 and "ü" not in name,
    )
    day = date(2015, 1, 1) + timedelta(days=rng.randrange(4000))
    values: dict[str, object] = {keyword: noise.person(rng) for keyword in _PEOPLE if rng.random() < 0.7}
    values |= {keyword: f"{day - timedelta(days=rng.choice((0, 0, 1, 7, 400))):%Y%m%d}" for keyword in _DATES}
    values |= {keyword: f"{rng.randrange(24):02}{rng.randrange(60):02}{rng.randrange(60):02}" for keyword in _TIMES}
    values |= {keyword: number(rng)[:16] for keyword in _NUMBERS if rng.random() < 0.8}
    values |= {keyword: description(rng) for keyword in _DESCRIPTIONS}
    values |= {keyword: rng.choice(several) for keyword, several in _SEVERAL}
    values["PatientBirthDate"] = f"{date(1925, 1, 1) + timedelta(days=rng.randrange(33000)):%Y%m%d}"
    values["PatientAge"] = f"{rng.randrange(100):03}Y"
    values["StationName"] = rng.choice(_STATIONS)
    values["InstitutionName"] = f"Городская клиника {rng.choice(_PLACES)}"
    values["PatientAddress"] = f"{rng.randrange(10**6):06}, {rng.choice(_PLACES)}, {rng.randrange(200)}"
    for place, dataset in enumerate(made):
        for keyword, value in values.items():
            setattr(dataset, keyword, _misdeclared(value) if dataset.SpecificCharacterSet == "ISO_IR 100" else value)
        dataset.SliceLocation = f"{rng.uniform(-500, 500):.6f}"[:16]
        dataset.ImagePositionPatient = [f"{rng.uniform(-500, 500):.9f}"[:16] for _ in range(3)]
        dataset.WindowCenter = str(rng.randrange(3000))
        dataset.InstanceNumber = rng.randrange(1000) + place
    return made


def number(rng: random.Random) -> str:
    """Return a number as clinics give them."""
    digits = str(rng.randrange(10 ** rng.randint(1, 13)))
    return rng.choice(
        (digits, digits, digits.zfill(8), f"KP{digits}L", f"{digits[:4]}-{digits[4:] or 1}", f"ID{digits}")
    )


def description(rng: random.Random) -> str:
    """Return a description, most of it of words that may stay."""
    words = rng.sample(sorted(descriptors.vocabulary()), rng.randint(1, 5))
    return " ".join((*words, rng.choice(("", noise.person(rng).partition("^")[0], number(rng), "3mm"))))[:64]


def false_alarms(seed: int) -> Iterator[tuple[str, Finding]]:
    """Yield what is found in what is published of the study of that seed, under every profile."""
    rng = random.Random(seed)
    originals = study(rng)
    known = {"patient_id": originals[0].PatientID, "accession_number": originals[0].AccessionNumber}
    harvest = Harvest(known | {"emk_record_id": number(rng), "service_title": "МРТ суставов"})
    for original in originals:
        buffer = BytesIO()
        original.save_as(buffer, enforce_file_format=True)
        assert harvest.add(buffer.getvalue())
    for profile in names():
        deidentifier = Deidentifier(load(profile), rng.randbytes(32))
        gate = Gate(harvest, Permitted((readme(whole=False),), descriptors.vocabulary(), deidentifier.days))
        yield from ((profile, finding) for finding in gate.search("README.txt", readme(whole=False)))
        for original in originals:
            outcome = deidentifier.instance(original)
            assert isinstance(outcome, Kept)
            yield from ((profile, finding) for finding in gate.search("a", to_part10(outcome.dataset)))


def _misdeclared(value: object) -> object:
    return value.encode("cp1251", "replace").decode("latin-1") if isinstance(value, str) else value
