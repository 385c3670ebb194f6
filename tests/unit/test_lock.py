"""The locks hold what the project declares, and the project declares what it imports."""

import ast
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
RUNTIME = [Requirement(text) for text in PROJECT["project"]["dependencies"]]
GROUPS = {
    name: [Requirement(text) for text in group if isinstance(text, str)]
    for name, group in PROJECT["dependency-groups"].items()
}


def locked(name: str) -> dict[str, set[str]]:
    """Return the versions that a lock file names, by project; several where Python's version decides."""
    versions: dict[str, set[str]] = {}
    for line in (ROOT / name).read_text("utf-8").splitlines():
        if not line.startswith((" ", "#")):
            requirement = Requirement(line.removesuffix("\\"))
            versions.setdefault(canonicalize_name(requirement.name), set()).add(
                str(requirement.specifier).removeprefix("==")
            )
    return versions


@pytest.mark.parametrize(
    ("lock", "declared"),
    [
        ("requirements.lock", [*RUNTIME, *GROUPS["build"]]),
        ("requirements-dev.lock", [*RUNTIME, *GROUPS["build"], *GROUPS["dev"]]),
    ],
)
def test_lock_holds_what_is_declared(lock: str, declared: list[Requirement]) -> None:
    versions = locked(lock)
    missing = [
        str(requirement)
        for requirement in declared
        if not all(
            requirement.specifier.contains(version)
            for version in versions.get(canonicalize_name(requirement.name), {""})
        )
    ]
    assert missing == []


def test_tests_run_on_the_versions_that_are_installed() -> None:
    assert locked("requirements.lock").items() <= locked("requirements-dev.lock").items()


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_lock_names_contents_and_no_place(lock: str) -> None:
    text = (ROOT / lock).read_text("utf-8")
    entries = text.replace("\\\n", "").splitlines()
    assert [line for line in entries if line[:1].isalnum() and "--hash=sha256:" not in line] == []
    assert "://" not in text
    assert "--index" not in text


def test_what_is_imported_is_declared() -> None:
    owners = packages_distributions()
    # An extra brings its project under a name of its own: psycopg[pool] is psycopg-pool.
    declared = {
        canonicalize_name("-".join((requirement.name, *extra)))
        for requirement in RUNTIME
        for extra in [(), *((name,) for name in requirement.extras)]
    }
    undeclared = {
        module
        for path in (ROOT / "src").rglob("*.py")
        for module in imported(path)
        if module not in sys.stdlib_module_names and module != "studypub"
        if not declared & {canonicalize_name(owner) for owner in owners.get(module, [])}
    }
    assert undeclared == set()


def imported(path: Path) -> set[str]:
    """Return the top-level packages that a file imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names
