"""docs/pacs.md, followed to the letter: a fresh Orthanc, an empty configuration, a published study."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from tests.peers.daemon import Installation, serving
from tests.peers.orthanc import as_told
from tests.peers.postgres import open_folder
from tests.peers.program import free_port
from tests.peers.studies import make_study

pytestmark = pytest.mark.peer

MANUAL = (Path(__file__).parents[2] / "docs/pacs.md").read_text("utf-8")
PATIENT, ACCESSION = "1000001158664", "KP125706655S"
STUDY = make_study(patient_id=PATIENT, accession_number=ACCESSION, seed=77, instances=4)


def block(kind: str, *holding: str) -> str:
    """Return the first block of the manual of this kind that holds all of these."""
    found = re.findall(rf"^```{kind}\n(.*?)^```", MANUAL, re.MULTILINE | re.DOTALL)
    return str(next(text for text in found if all(words in text for words in holding)))


def command(name: str) -> list[str]:
    """Return the words that the manual tells to type after `studypub`."""
    found = re.search(rf"^sudo -u studypub studypub ({name}.*)$", MANUAL, re.MULTILINE)
    assert found
    return found[1].split()


@contextmanager
def followed(tmp_path: Path, *holding: str, known: bool = True) -> Iterator[Installation]:
    """Do what the manual says on both sides; `known`: whether Orthanc is told of us."""
    with open_folder() as folder:
        here = Installation(folder, free_port(), free_port())
        told = block("json", "DicomModalities").replace("10.0.0.7", "127.0.0.1").replace("11112", str(here.scp_port))
        settings = json.loads(told)
        if not known:
            del settings["DicomModalities"]
        with as_told(tmp_path, settings) as pacs:
            pacs.store(STUDY)
            text = block("toml", "ORTHANC", *holding).replace("10.0.0.5", "127.0.0.1").replace("4242", str(pacs.port))
            own = f'[server]\nport = {here.port}\n[database]\ndata_dir = "{folder}/data"\n'
            listener = "" if "[dicom]" in text else "[dicom]\nport = 11112\n"
            here.file.write_text((own + listener + text).replace("11112", str(here.scp_port)), "utf-8")
            yield here


@pytest.mark.slow
def test_the_manual_leads_to_a_published_study(tmp_path: Path) -> None:
    with followed(tmp_path, "[dicom]") as here:
        assert here.command(*command("check-config")).returncode == 0
        assert "4 of 4 images arrived" in here.command(*command("doctor")).stdout
        with serving(here):
            done = here.command(*command("publish"))
            assert done.returncode == 0, done.stderr
            task = json.loads(done.stdout)
            assert (task["status"], task["progress"]) == ("COMPLETED", {"received": 4, "expected": 4})
            assert httpx.get(task["arch_link"], trust_env=False).status_code == 200


def test_a_pacs_that_cannot_connect_to_us_delivers_by_c_get(tmp_path: Path) -> None:
    with followed(tmp_path, '"get"') as here:
        assert "4 of 4 images arrived" in here.command(*command("doctor")).stdout


def test_orthanc_echoes_to_those_whose_search_it_breaks_off(tmp_path: Path) -> None:
    with followed(tmp_path, known=False) as here:
        examined = here.command(*command("doctor")).stdout.splitlines()
    assert any(line.startswith("✓") and "C-ECHO" in line for line in examined)
    assert not any("images arrived" in line for line in examined)
    assert "This AET is not listed" in (tmp_path / "orthanc.log").read_text("utf-8")
