"""The viewer that npm carries becomes ours, and one that is not as we know it never reaches a patient."""

import gzip
from collections.abc import Callable
from pathlib import Path

import brotli
import msgspec
import pytest
from tests.peers.viewer import package, viewer_folder

from studypub.cli import main
from studypub.errors import Refused
from studypub.viewer import edition, obtain, recipe
from studypub.viewer.install import _put, install
from studypub.viewer.installed import SUFFIXES, Installed, Manifest, folders

__all__ = ["viewer_folder"]

Files = dict[str, bytes]

DECODER = "8097.bundle.0123456789abcdef.js"
MAIN = "app.bundle.0123456789abcdef.js"
ROOT = b'__webpack_require__.p = "/";'


def small() -> Files:
    """Return the least that passes for a viewer."""
    chunks = b'return "" + (chunkId) + '.replace(b"(chunkId)", b"chunkId")
    chunks += b'".bundle." + {8097: "0123456789abcdef",12: "0123456789abcdef",}[chunkId] + ".js"'
    worker = b"new Worker(new URL(/* worker import */__webpack_require__.p + __webpack_require__.u(8097), x))"
    names = " ".join(edition.NAMES).encode()
    return {
        MAIN: b"\n".join((ROOT * (edition.ROOTS_IN_SCRIPTS - 1), chunks, worker, names)),
        DECODER: ROOT + b"/*! (c) Somebody, MIT License */",
        "12.bundle.0123456789abcdef.js": b"1",
        "app.bundle.css": b"a{src:url(/0123456789abcdef.woff2)}" * edition.ROOTS_IN_STYLES,
    }


def without(name: str) -> Callable[[Files], Files]:
    return lambda files: {other: content for other, content in files.items() if other != name}


def changed(name: str, old: bytes, new: bytes) -> Callable[[Files], Files]:
    return lambda files: {**files, name: files[name].replace(old, new, 1)}


def test_it_is_moved_below_our_address() -> None:
    made = recipe.made(small())
    assert (made.main, made.styles, made.decoder) == (MAIN, "app.bundle.css", DECODER)
    assert made.files[DECODER].startswith(f'__webpack_require__.p = "{edition.ADDRESS}";'.encode())
    assert ROOT not in b"".join(made.files.values())
    assert made.files["app.bundle.css"].count(f"url({edition.ADDRESS}".encode()) == edition.ROOTS_IN_STYLES
    assert recipe.notices(small()) == "/*! (c) Somebody, MIT License */\n"


@pytest.mark.parametrize(
    "doctored",
    [
        without(MAIN),
        without("app.bundle.css"),
        without(DECODER),
        without("12.bundle.0123456789abcdef.js"),
        lambda files: {**files, "app.bundle.fedcba9876543210.js": b""},
        changed(DECODER, b'.p = "/"', b'.p="/"'),
        changed("app.bundle.css", b"url(/", b"url(./"),
        changed(MAIN, b"new Worker(", b"makeWorker("),
        *(changed(MAIN, name.encode(), b"") for name in ("ohif.tours", "showStudyList", "window.modes")),
        lambda files: {**files, MAIN: files[MAIN] + ROOT},
    ],
)
def test_what_is_not_as_we_know_it_is_refused(doctored: Callable[[Files], Files]) -> None:
    recipe.made(small())
    with pytest.raises(Refused, match="REFUSED") as refused:
        recipe.made(doctored(small()))
    assert edition.VERSION in refused.value.sentence.en


def test_only_what_a_browser_asks_for_is_served() -> None:
    served = ("8097.bundle.8ae6404ba94890a0.js", "polySeg.bundle.2c5892e4c5a6bdd5.js", "6214.css", "app.bundle.css")
    left_out = ("app-config.js", "index.html", "sw.js", "google.js", "ort/ort.wasm", "../x.css", "assets/favicon.ico")
    assert all(map(recipe.is_served, served))
    assert not any(map(recipe.is_served, left_out))


@pytest.mark.slow
def test_the_package_of_npm_becomes_a_folder_of_all_that_is_served(viewer_folder: Path) -> None:
    place = viewer_folder / edition.EDITION
    manifest = msgspec.json.decode((place / "manifest.json").read_bytes(), type=Manifest)
    assert {manifest.main, manifest.styles, manifest.decoder} <= manifest.files.keys()
    assert 100 < len(manifest.files) < 150
    sent = sum(sizes.get("br", sizes["identity"]) for sizes in manifest.files.values())
    assert sent < 8_000_000
    for name, sizes in manifest.files.items():
        content = {coding: (place / (name + SUFFIXES[coding])).read_bytes() for coding in sizes}
        assert {coding: len(one) for coding, one in content.items()} == sizes
        if len(content) > 1:
            assert brotli.decompress(content["br"]) == gzip.decompress(content["gzip"]) == content["identity"]
        assert b'p="/"' not in content["identity"]
    notices = (place / "LICENSES.txt").read_text()
    assert "Open Health Imaging Foundation" in notices
    assert notices.count("Copyright") > 20


@pytest.mark.slow
def test_another_package_is_refused_and_what_is_installed_stays(tmp_path: Path, viewer_folder: Path) -> None:
    (tmp_path / "viewer").symlink_to(viewer_folder)
    real = package(edition.PACKAGE)
    for tarball, esbuild in ((real[:-1] + b"x", None), (b"", None), (real, b"x")):
        with pytest.raises(Refused, match="REFUSED"):
            install(tmp_path / "viewer", tarball, esbuild)
    assert Installed(folders(tmp_path)).manifest is not None


def test_other_editions_make_room_and_nothing_else_does(tmp_path: Path) -> None:
    for name in ("3.0.0-1", "photos"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "manifest.json").touch()
    made = recipe.made(small())
    for _ in range(2):
        assert _put(tmp_path, made, made.files, b"", 1) == tmp_path / edition.EDITION
        assert {path.name for path in tmp_path.iterdir()} == {edition.EDITION, "photos"}
    assert Installed([tmp_path]).manifest is not None


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="No such file"):
        obtain.taken(tmp_path / "none.tgz")


def test_the_daemon_finds_it_once_it_is_there(tmp_path: Path) -> None:
    installed = Installed([tmp_path / "none", tmp_path])
    assert installed.manifest is None
    assert installed.file("a.js", "br") is None
    place = tmp_path / edition.EDITION
    place.mkdir()
    (place / "manifest.json").write_bytes(b'{"main": "a.js"')
    assert installed.manifest is None
    files = {"a.js": {"br": 1, "gzip": 2, "identity": 3}, "b.png": {"identity": 4}}
    (place / "manifest.json").write_bytes(msgspec.json.encode(Manifest("a.js", "a.css", "a.js", files)))
    assert installed.manifest is not None
    for accepted, coding in (
        ("gzip, deflate, BR", "br"),
        ("gzip;q=1.0", "gzip"),
        ("br;q=0.5", "br"),
        ("br;q=0", "identity"),
        ("", "identity"),
    ):
        file = installed.file("a.js", accepted)
        assert file is not None
        assert (file.coding, file.size, file.path.name) == (coding, files["a.js"][coding], "a.js" + SUFFIXES[coding])
    assert installed.file("../manifest.json", "") is None


@pytest.mark.parametrize(("content", "said"), [(None, "cannot be read"), (b"other", "its checksum differs")])
def test_the_command_says_what_is_wrong_with_a_file(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    content: bytes | None,
    said: str,
) -> None:
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    if content is not None:
        (tmp_path / "ohif.tgz").write_bytes(content)
    with pytest.raises(SystemExit) as ended:
        main(["viewer", "install", "--from", str(tmp_path / "ohif.tgz"), "--folder", str(tmp_path / "viewer")])
    assert ended.value.code == 1
    told = capsys.readouterr()
    assert said in told.err
    assert told.out == ""
    assert not (tmp_path / "viewer").exists()
