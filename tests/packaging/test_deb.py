"""What the Debian package holds and how it behaves, by one that is built with little in it."""

import re
import shutil
import subprocess
import tarfile
import tomllib
from io import BytesIO
from pathlib import Path

import pytest
from tests.peers.built import ROOT, pack

from studypub.cli import main

VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
SCRIPTS = ("preinst", "postinst", "prerm", "postrm")
CONFIG = "etc/studypub/config.toml"


@pytest.fixture(scope="module")
def deb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package with a program that is only a name."""
    folder = tmp_path_factory.mktemp("deb")
    program = folder / "runtime/bin/studypub"
    program.parent.mkdir(parents=True)
    program.touch(0o755)
    pack("deb", folder / "runtime", folder)
    return folder / f"studypub_{VERSION}_amd64.deb"


def members(deb: Path, part: str) -> dict[str, tarfile.TarInfo]:
    """Return what lies in the package's file system (fsys) or in its control archive (ctrl)."""
    packed = subprocess.run(["dpkg-deb", f"--{part}-tarfile", deb], check=True, stdout=subprocess.PIPE).stdout
    with tarfile.open(fileobj=BytesIO(packed)) as archive:
        return {member.name.removeprefix("./"): member for member in archive}


@pytest.fixture(scope="module")
def tree(deb: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tree") / "tree"
    subprocess.run(["dpkg-deb", "--raw-extract", deb, folder], check=True)
    return folder


def test_everything_lies_where_it_belongs_and_is_roots(deb: Path) -> None:
    files = members(deb, "fsys")
    places = ("opt/studypub/", "usr/share/doc/studypub/", "etc/studypub/")
    others = {name for name, member in files.items() if not member.isdir() and not name.startswith(places)}
    assert others == {
        "usr/bin/studypub",
        "usr/lib/systemd/system/studypub.service",
        "usr/share/man/man8/studypub.8.gz",
        "etc/logrotate.d/studypub",
    }
    assert files["usr/bin/studypub"].linkname == "../../opt/studypub/bin/studypub"
    assert {(member.uname, member.gname) for member in files.values()} == {("root", "root")}
    assert {name for name, member in files.items() if not member.issym() and member.mode & 0o022} == set()
    assert (files[CONFIG].mode, files["etc/studypub"].mode) == (0o640, 0o750)


def test_what_an_administrator_may_change_is_kept_on_upgrade(tree: Path) -> None:
    kept = {path.relative_to(tree) for path in (tree / "etc").rglob("*") if path.is_file()}
    listed = (tree / "DEBIAN/conffiles").read_text().splitlines()
    assert sorted(listed) == sorted(f"/{path}" for path in kept)


def test_its_configuration_is_the_example_and_can_be_used_as_it_is(tree: Path) -> None:
    example = (ROOT / "config.example.toml").read_text("utf-8").splitlines()
    shipped = (tree / CONFIG).read_text("utf-8").splitlines()
    changed = [after for before, after in zip(example, shipped, strict=True) if before != after]
    assert changed == ['file = "/var/log/studypub/studypub.log"']
    with pytest.raises(SystemExit) as ended:
        main(["check-config", "--config", str(tree / CONFIG)])
    assert ended.value.code == 0
    assert tomllib.loads("\n".join(shipped))["database"]["url"] == "embedded"


def test_its_service_is_the_units_and_starts_what_the_package_brings(deb: Path, tree: Path) -> None:
    unit = tree / "usr/lib/systemd/system/studypub.service"
    assert unit.read_bytes() == (ROOT / "systemd/studypub.service").read_bytes()
    (program,) = re.findall(r"^ExecStart=/(\S+) ", unit.read_text(), re.MULTILINE)
    (config,) = re.findall(r"^ExecStart=.* --config /(\S+)$", unit.read_text(), re.MULTILINE)
    assert {program, config} < members(deb, "fsys").keys()


def test_its_version_is_the_projects_and_its_sums_are_right(deb: Path, tree: Path) -> None:
    control = dict(line.split(": ", 1) for line in (tree / "DEBIAN/control").read_text().splitlines() if ": " in line)
    assert (control["Package"], control["Version"], control["Architecture"]) == ("studypub", VERSION, "amd64")
    assert {"postgresql", "tesseract-ocr", "tesseract-ocr-rus"} < set(control["Recommends"].split(", "))
    subprocess.run(["md5sum", "--quiet", "--check", "DEBIAN/md5sums"], cwd=tree, check=True)
    scripts = {name for name, member in members(deb, "ctrl").items() if member.mode & 0o111 and member.isfile()}
    assert scripts == set(SCRIPTS)


def test_the_same_tree_gives_the_same_bytes(deb: Path, tmp_path: Path) -> None:
    pack("deb", deb.parent / "runtime", tmp_path)
    assert (tmp_path / deb.name).read_bytes() == deb.read_bytes()


@pytest.mark.parametrize(
    "script", ["runtime", "deb", "binary", "studypub", "unpacking", *(f"debian/{name}" for name in SCRIPTS)]
)
def test_its_scripts_are_sound(script: str) -> None:
    assert shutil.which("shellcheck")
    subprocess.run(["shellcheck", ROOT / "packaging" / script], check=True)


def test_logrotate_reads_its_rules(tmp_path: Path) -> None:
    rules = tmp_path / "studypub"
    rules.write_text((ROOT / "monitoring/logrotate.conf").read_text().replace("studypub studypub", "nobody nogroup"))
    rules.chmod(0o644)
    told = subprocess.run(["/usr/sbin/logrotate", "--debug", rules], capture_output=True, text=True, check=True).stderr
    assert "/var/log/studypub/studypub.log" in told
    assert "error" not in told


def test_its_manual_page_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    commands = set(re.findall(r"^    ([a-z][a-z-]*)(?=\s)", capsys.readouterr().out, re.MULTILINE))
    page = (ROOT / "packaging/studypub.8").read_text().replace("\\", "")
    told = page.split(".SH COMMANDS")[1].split(".SH EXIT")[0]
    named = {word for line in re.findall(r"^\.BR? (.*)$", told, re.MULTILINE) for word in re.findall(r"[a-z-]+", line)}
    assert commands <= named


def test_its_service_is_exposed_to_little() -> None:
    analyze: list[str | Path] = [
        "systemd-analyze",
        "security",
        "--offline=yes",
        "--threshold=15",
        ROOT / "systemd/studypub.service",
    ]
    told = subprocess.run(analyze, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout
    assert re.search(r"Overall exposure level .*: [01]\.\d", told.stdout)
