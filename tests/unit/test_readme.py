"""README.md tells of the program as it is."""

import re
import tomllib
from pathlib import Path

import pytest

from studypub.cli import main
from studypub.core.task import Status

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
MANUALS = ["README.md", "docs/install.md", "docs/install.ru.md"]


def first_cells(header: str) -> list[str]:
    """Return the first cells of the table that begins with this header, without the marks of code."""
    rows = README.split(f"| {header} |", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    return [row.split("|")[1].strip().replace("`", "") for row in rows]


def commands(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    """Return the commands that --help names below `words`."""
    with pytest.raises(SystemExit) as ended:
        main([*words, "--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    names = re.findall(r"^    ([a-z][a-z-]*)(?=\s|$)", text, re.MULTILINE) if "..." in text else []
    return [line for name in names for line in commands(capsys, *words, name)] if names else [" ".join(words)]


def test_commands_are_those_of_the_program(capsys: pytest.CaptureFixture[str]) -> None:
    table = README.split("| command | does |", 1)[1].split("\n\n", 1)[0]
    assert sorted(re.findall(r"`studypub ([a-z -]+)`", table)) == sorted(commands(capsys))


@pytest.mark.parametrize("manual", MANUALS)
def test_make_knows_what_the_manuals_tell_it(manual: str) -> None:
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    named = re.findall(r"(?:^|`)make(?: -C \S+)? ([a-z]+)", (ROOT / manual).read_text("utf-8"), re.MULTILINE)
    assert named
    assert set(named) <= set(targets)


def test_statuses_are_those_of_a_task() -> None:
    assert first_cells("status | meaning") == list(Status)


def test_layers_are_those_that_the_import_contracts_hold() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    told = [[name.strip() for name in cell.split(",")] for cell in first_cells("layer | knows")]
    assert told == [re.split(r" [|:] ", layer) for layer in layers]


def test_what_is_not_reached_is_not_said_to_be() -> None:
    table = README.split("| measured | wanted | found | reached |", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table]
    assert len(rows) >= 20
    for _, wanted, found, reached in rows:
        bound, goal, *unit = wanted.split()
        measured, *same_unit = found.split()
        assert unit == same_unit
        holds = float(measured) <= float(goal) if bound == "≤" else float(measured) >= float(goal)
        assert reached == ("yes" if holds else "no")


def test_folders_of_the_tree_are_there() -> None:
    tree = README.split("## How it is built", 1)[1].split("```")[1]
    folders = re.findall(r"^([a-z/]+)/ ", tree, re.MULTILINE)
    assert folders
    assert [folder for folder in folders if not (ROOT / folder).is_dir()] == []


def test_folders_of_tests_are_there() -> None:
    tree = re.search(r"^tests/ .*$", README, re.MULTILINE)
    assert tree
    folders = re.findall(r" ([a-z0-9]+)/", tree[0])
    assert [folder for folder in folders if not (ROOT / "tests" / folder).is_dir()] == []


def test_pictures_are_shown_and_small() -> None:
    shown = set(re.findall(r'src="(docs/pictures/[^"]+)"', README))
    for page in (ROOT / "docs").glob("*.md"):
        shown |= {f"docs/{name}" for name in re.findall(r'src="(pictures/[^"]+)"', page.read_text("utf-8"))}
    pictures = {path.relative_to(ROOT).as_posix(): path.stat().st_size for path in (ROOT / "docs/pictures").iterdir()}
    assert shown == set(pictures)
    assert {name: size for name, size in pictures.items() if size >= 80_000} == {}


@pytest.mark.parametrize("manual", [*MANUALS, "docs/monitoring.md", "docs/monitoring.ru.md"])
def test_files_that_the_manuals_point_to_are_there(manual: str) -> None:
    text = (ROOT / manual).read_text("utf-8")
    pointed = re.findall(r"\]\(([^):#]+)\)", text) + re.findall(r'src="([^":]+)"', text)
    assert pointed
    assert [name for name in pointed if not ((ROOT / manual).parent / name).exists()] == []
