"""The wheel, built and installed elsewhere, works without the tree it was made from."""

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from studypub import __version__

ROOT = Path(__file__).parents[2]
FOLDERS = ("sql", "templates", "static")
SECONDS = 120


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, timeout=SECONDS, stdout=subprocess.DEVNULL)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install it into a fresh virtual environment; the libraries are lent to that, the editable install is not."""
    folder = tmp_path_factory.mktemp("venv")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True, timeout=SECONDS)
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin/python"), "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--quiet", "--no-index", "--no-deps", str(wheel)], check=True, timeout=SECONDS)
    (site_packages,) = folder.glob("lib/python*/site-packages")
    # A path named in a .pth file has its own .pth files left alone, the editable install's among them.
    (site_packages / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder


def run(installed: Path, program: str, *arguments: str, **environment: str) -> str:
    """Run a program of the environment outside the tree and return what it prints."""
    completed = subprocess.run(
        [installed / "bin" / program, *arguments],
        check=True,
        cwd=installed,
        env={"PATH": os.defpath, "HOME": str(installed), **environment},
        timeout=SECONDS,
        stdout=subprocess.PIPE,
        text=True,
    )
    return completed.stdout


def test_it_holds_all_data_and_nothing_else(wheel: Path) -> None:
    tree = {
        path.relative_to(ROOT).as_posix() for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.is_file()
    }
    names = zipfile.ZipFile(wheel).namelist()
    data = {name.removeprefix("studypub/_data/") for name in names if name.startswith("studypub/_data/")}
    assert data == tree | {"config.example.toml"}
    assert {name.partition("/")[0] for name in names} == {"studypub", f"studypub-{__version__}.dist-info"}
    assert "studypub/py.typed" in names
    assert f"studypub-{__version__}.dist-info/licenses/LICENSE" in names


def test_it_runs_from_where_it_is_installed(installed: Path) -> None:
    found = run(installed, "python", "-c", "import studypub; print(studypub.__file__)")
    assert Path(found.strip()).is_relative_to(installed)
    assert run(installed, "studypub", "--version") == f"studypub {__version__}\n"


def test_it_explains_its_profile(installed: Path) -> None:
    assert "PS3.15" in run(installed, "studypub", "deid", "explain")


def test_it_makes_its_database(installed: Path, tmp_path: Path) -> None:
    migrations = sorted(path.name for path in (ROOT / "sql/migrations").glob("*.sql"))
    applied = run(installed, "studypub", "migrate", STUDYPUB_DATABASE__DATA_DIR=str(tmp_path / "data"))
    assert [f"{name.removesuffix('.sql')}.sql" for name in applied.split()] == migrations


def test_it_builds_its_pages(installed: Path) -> None:
    finds = "from studypub import resources; print(*(resources.path(name) for name in ('templates', 'static')))"
    assert all(Path(path).is_relative_to(installed) for path in run(installed, "python", "-c", finds).split())
