"""Measures how a published study is looked at, from a folder and from S3: `python -m tests.bench.viewing [INSTANCES]`.

A CT is published by the daemon; then a browser that knows nothing opens the preview as a phone on a slow network, and
OHIF Viewer as a doctor on a desktop, the median of some rounds; clients of DICOMweb fetch every frame of it; and many
of them leaf through it at once. Orthanc, Ceph's radosgw, PostgreSQL, browser and clients share the machine.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import httpx
import psycopg
from playwright.sync_api import Browser, sync_playwright
from tests.bench.phantoms import study
from tests.bench.pipeline import publish
from tests.bench.rows import Row, at_least, at_most
from tests.bench.usage import cpu_seconds, forget_peak, peak_megabytes
from tests.peers import daemon, orthanc, s3, viewer
from tests.peers.browser import FLAGS, PHONE
from tests.peers.restartable import restartable

_ACCESSION: Final = "ACC1"
_ROUNDS: Final = 3
_WAIT_MILLISECONDS: Final = 60_000
# What Lighthouse takes for a phone: 150 ms there and back, 1.6 megabits a second.
_SLOW: Final = {"offline": False, "latency": 150, "downloadThroughput": 1.6e6 / 8, "uploadThroughput": 0.75e6 / 8}
_PICTURE_SHOWN: Final = (
    "() => { const i = document.querySelector('.screen img'); return i?.complete && i.naturalWidth }"
)
_VIEWER_SHOWN: Final = """() => {
    const canvas = document.querySelector('canvas.cornerstone-canvas');
    if (!canvas?.width) return false;
    const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
    return new Set(pixels.filter((_, place) => place % 4 === 0)).size > 8;
}"""
_CLIENTS: Final = 8
_VIEWERS, _LEAFED = 20, 100
_OHIF_SECONDS: Final = 5  # it draws by software here, beside everything else; the preview is there for who is in haste
_FETCH_SECONDS: Final = 60


def rows(instances: int = 1000) -> list[Row]:
    """Return how soon the first image is there, how many frames a second come, and what memory it takes."""
    with tempfile.TemporaryDirectory(prefix="studypub-bench-") as name:
        folder = Path(name)
        folder.chmod(0o711)
        (folder / "pacs").mkdir()
        with (
            orthanc.started(folder / "pacs", synchronous_c_move=True) as pacs,
            s3.started("radosgw", folder) as store,
            restartable() as postgres,
            sync_playwright() as playwright,
        ):
            for dataset in study("CT", instances, _ACCESSION, 1):
                pacs.store([dataset])
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
            found, ohif = [], viewer.installed()
            for kind, environment in (("a folder", {}), ("S3", store.environment(store.new_bucket()))):
                place = Path(tempfile.mkdtemp(dir=folder))
                installation = daemon.install(place, pacs=pacs.ae_title, pacs_port=pacs.port)
                (place / "data").mkdir(mode=0o700)
                (place / "data" / "viewer").symlink_to(ohif)
                pacs.register("STUDYPUB", "127.0.0.1", installation.scp_port)
                url = postgres.database()
                with (
                    daemon.serving(installation, STUDYPUB_DATABASE__URL=url, **environment) as process,
                    daemon.client(installation, postgres.key) as mis,
                    psycopg.connect(url, autocommit=True) as database,
                ):
                    publish(mis, database, _ACCESSION)
                    (token,) = database.execute("SELECT token FROM published_studies").fetchone() or ("",)
                    found += _rows(kind, browser, f"{installation.url}/s/{token}", process.pid, place)
            browser.close()
            return found


def _rows(kind: str, browser: Browser, link: str, pid: int, folder: Path) -> list[Row]:
    frames = _frames(link)
    preview = statistics.median(_first_image(browser, f"{link}/preview", _PICTURE_SHOWN) for _ in range(_ROUNDS))
    # Its own network is this machine's, since doctors do not sit on phones.
    ohif = statistics.median(_first_image(browser, f"{link}/view", _VIEWER_SHOWN, slow=False) for _ in range(_ROUNDS))
    begun, before = time.monotonic(), cpu_seconds(pid)
    _fetch(folder, [frames[number::_CLIENTS] for number in range(_CLIENTS)])
    speed, used = len(frames) / (time.monotonic() - begun), (cpu_seconds(pid) - before) / len(frames)
    forget_peak(pid)
    _fetch(folder, [_leafed(frames, number) for number in range(_VIEWERS)])
    return [
        at_most(f"first image of the preview on a slow phone, from {kind}", preview, 2, "s"),
        at_most(f"first image of OHIF, from {kind}", ohif, _OHIF_SECONDS, "s"),
        at_least(f"frames by DICOMweb, {_CLIENTS} at once, from {kind}", speed, 100, "a second"),
        at_most("the same: processor for a frame", used * 1000, 10, "ms"),
        at_most(f"memory while {_VIEWERS} leaf through it, from {kind}", peak_megabytes(pid), 300, "MB"),
    ]


def _frames(link: str) -> list[str]:
    """Return the address of every frame."""
    root = f"{link}/dicomweb/studies"
    (found,) = httpx.get(root).json()
    whole = f"{root}/{found['0020000D']['Value'][0]}"
    every = httpx.get(f"{whole}/instances", timeout=60).json()
    return [
        f"{whole}/series/{one['0020000E']['Value'][0]}/instances/{one['00080018']['Value'][0]}/frames/1"
        for one in every
    ]


def _leafed(frames: Sequence[str], number: int) -> list[str]:
    """Return what one of the viewers asks for, image after image, each from another place on."""
    begin = number * len(frames) // _VIEWERS
    return [*frames[begin:], *frames[:begin]][:_LEAFED]


def _first_image(browser: Browser, address: str, shown: str, *, slow: bool = True) -> float:
    """Return the seconds until a browser that has been nowhere yet shows an image."""
    context = browser.new_context(viewport=PHONE if slow else None, is_mobile=slow, has_touch=slow)
    try:
        page = context.new_page()
        if slow:
            devtools = context.new_cdp_session(page)
            devtools.send("Network.enable")
            devtools.send("Network.emulateNetworkConditions", _SLOW)
        begun = time.monotonic()
        page.goto(address, wait_until="commit")
        page.wait_for_function(shown, timeout=_WAIT_MILLISECONDS)
        return time.monotonic() - begun
    finally:
        context.close()


def _fetch(folder: Path, shares: Sequence[Sequence[str]]) -> None:
    """Fetch each share by a client of its own, one frame after the other over one connection."""
    clients = []
    for number, share in enumerate(shares):
        addresses = folder / f"client-{number}"
        addresses.write_text("".join(f'url = "{address}"\noutput = "/dev/null"\n' for address in share))
        bounded = ["curl", "--silent", "--fail", "--max-time", str(_FETCH_SECONDS)]
        clients.append(subprocess.Popen([*bounded, "--config", addresses]))
    assert {client.wait() for client in clients} == {0}


if __name__ == "__main__":
    print(*rows(*map(int, sys.argv[1:])), sep="\n")  # noqa: T201
