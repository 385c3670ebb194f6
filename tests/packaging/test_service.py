"""The systemd service starts the program as it is, and explains itself."""

import shlex
from pathlib import Path

import pytest

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
