"""The systemd service starts the program as it is, and explains itself."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from studypub import config
from studypub.cli import main

UNIT = (Path(__file__).parents[2] / "systemd/studypub.service").read_text("utf-8")
LINES = UNIT.splitlines()
VALUES = dict(line.split("=", 1) for line in LINES if "=" in line and not line.startswith("#"))


def test_it_starts_a_command_that_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    program, *arguments = shlex.split(VALUES["ExecStart"])
    with pytest.raises(SystemExit) as ended:
        main([*arguments, "--help"])
    assert ended.value.code == 0
    assert Path(program).name == "studypub"
    assert "--config" in capsys.readouterr().out


def test_a_configuration_that_cannot_be_used_is_not_tried_again(tmp_path: Path) -> None:
    broken = tmp_path / "config.toml"
    broken.write_text("[serve]\n")
    with pytest.raises(SystemExit) as ended:
        main(["serve", "--config", str(broken)])
    assert str(ended.value.code) == VALUES["RestartPreventExitStatus"]


def test_its_folders_are_those_of_the_defaults() -> None:
    assert VALUES["StateDirectory"] == "studypub"
    assert VALUES["WorkingDirectory"] == "/var/lib/studypub"


@pytest.mark.parametrize("directive", [name for name in VALUES if name not in {"Description", "Documentation"}])
def test_a_comment_stands_above_every_group_of_directives(directive: str) -> None:
    place = next(number for number, line in enumerate(LINES) if line.startswith(f"{directive}="))
    above = next(line for line in reversed(LINES[:place]) if "=" not in line or line.startswith("#"))
    assert above.startswith(("#", "["))


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd")
def test_little_of_the_system_is_exposed_to_it() -> None:
    """As systemd itself counts; 15 is its 1.5."""
    command = ["systemd-analyze", "security", "--offline=true", "--threshold=15", "--no-pager", "studypub.service"]
    command[-1] = str(Path(__file__).parents[2] / "systemd/studypub.service")
    judged = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert judged.returncode == 0, judged.stdout[-300:] + judged.stderr


def test_a_secret_that_systemd_hands_over_is_read(tmp_path: Path) -> None:
    """As the unit explains it: the file's name in the folder of credentials is what LoadCredential calls it."""
    (credential,) = re.findall(r"^#LoadCredential=(s3[\w-]+):(\S+)$", UNIT, re.MULTILINE)
    assert f'secret_key_file = "/run/credentials/studypub.service/{credential[0]}"' in UNIT
    (variable,) = re.findall(r"^#Environment=STUDYPUB_(\S+)=%d/(\S+)$", UNIT, re.MULTILINE)
    assert variable == ("STORAGE__S3__SECRET_KEY_FILE", credential[0])
    (tmp_path / credential[0]).write_text("the key of the store\n")
    settings = tmp_path / "config.toml"
    settings.write_text('[storage]\nkind = "s3"\n[storage.s3]\nendpoint = "https://s3.example"\nbucket = "studies"\n'
                        'access_key = "a"\n')  # fmt: skip
    read = config.load(settings, {f"STUDYPUB_{variable[0]}": str(tmp_path / variable[1])})
    assert read.storage.s3 is not None
    assert read.storage.s3.secret_key == "the key of the store"
