"""The page of OHIF Viewer, and its files: who gets them, under which policy, and for how long they are kept."""

from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest
from tests.peers import previews
from tests.web.conftest import Site

from studypub.archive.companion import CompanionFile
from studypub.archive.viewing import OVERVIEW, Overview
from studypub.core.ids import new_companion_key
from studypub.core.publication import Companion, Publication
from studypub.flows import pin, withdraw
from studypub.viewer.edition import ADDRESS, EDITION
from studypub.viewer.installed import Manifest

ME = {"actor": "user:admin", "clinic_code": None}
UID = "2.25.1"
FILES = {
    "app.bundle.1.js": {"br": 2, "gzip": 3, "identity": 4},
    "app.bundle.css": {"identity": 4},
    "1.bundle.1.js": {"identity": 4},
    "1.wasm": {"br": 2, "identity": 4},
}


def install(folder: Path) -> None:
    place = folder / "viewer" / EDITION
    place.mkdir(parents=True)
    for name, sizes in FILES.items():
        for coding, size in sizes.items():
            (place / (name + {"br": ".br", "gzip": ".gz", "identity": ""}[coding])).write_bytes(b"x" * size)
    manifest = Manifest("app.bundle.1.js", "app.bundle.css", "1.bundle.1.js", FILES)
    (place / "manifest.json").write_bytes(msgspec.json.encode(manifest))


def companion(site: Site) -> Companion:
    with TemporaryDirectory() as folder, CompanionFile(Path(folder, "study.view")) as file:
        file.add(OVERVIEW, msgspec.json.encode(Overview(UID, {}, {})))
        digest = file.close()
        key = new_companion_key()
        with file.path.open("rb") as source:
            site.store.put(key, source)
    return Companion(key, digest.size, digest.sha256)


async def published(site: Site, number: str = "KP1", keep: timedelta = timedelta(days=30)) -> Publication:
    return await site.completed(await site.queued(number), keep=keep, companion=companion(site))


async def test_the_page_is_settled_to_one_study(site: Site) -> None:
    study = await published(site)
    assert (await site.client.get(f"/s/{study.token}/view")).status_code == 404
    assert f"/s/{study.token}/view" not in (await site.client.get(f"/s/{study.token}")).text
    install(site.folder)  # found without a restart
    assert f"/s/{study.token}/view" in (await site.client.get(f"/s/{study.token}")).text
    page = await site.client.get(f"/s/{study.token}/view", headers={"Accept-Language": "en"})
    assert page.status_code == 200
    assert f'lang="en" data-link="/s/{study.token}" data-study="{UID}"' in page.text
    assert f'src="{ADDRESS}app.bundle.1.js"' in page.text
    assert study.patient_id not in page.text
    assert (page.headers["cache-control"], page.headers["referrer-policy"]) == ("no-store", "no-referrer")
    policy = page.headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "connect-src 'self';" in policy
    assert "eval" not in policy


async def test_settings_in_the_address_are_dropped(site: Site) -> None:
    install(site.folder)
    study = await published(site)
    address = f"/s/{study.token}/view"
    assert (await site.client.get(f"{address}?StudyInstanceUIDs={UID}")).status_code == 200
    for query in (
        "customization=x",
        "configUrl=https://x.example",
        "StudyInstanceUIDs=1.2.3",
        f"StudyInstanceUIDs={UID}&lng=x",
    ):
        answer = await site.client.get(f"{address}?{query}")
        assert (answer.status_code, answer.headers["location"]) == (303, address)


async def test_it_closes_with_the_link_and_stands_behind_its_pin(site: Site) -> None:
    install(site.folder)
    study = await published(site)
    over = await published(site, "KP2", timedelta(seconds=-1))
    assert (await site.client.get(f"/s/{over.token}/view")).status_code == 410
    assert (await site.client.get(f"/s/{'0' * 22}/view")).status_code == 404
    await pin.set_pin(site.database, study.study_id, "271828", **ME)  # type: ignore[arg-type]
    asked = await site.client.get(f"/s/{study.token}/view")
    assert (asked.status_code, asked.headers["location"]) == (303, f"/s/{study.token}")
    await site.client.post(f"/s/{study.token}", data={"pin": "271828"})
    assert (await site.client.get(f"/s/{study.token}/view")).status_code == 200
    await withdraw.withdraw(site.database, study.study_id, **ME)  # type: ignore[arg-type]
    assert (await site.client.get(f"/s/{study.token}/view")).status_code == 410


async def test_whoever_looks_at_the_pictures_is_led_to_the_viewer_where_there_is_one(site: Site) -> None:
    overview = {OVERVIEW: msgspec.json.encode(Overview(UID, {}, {}))}
    study = await site.completed(await site.queued("KP1"), companion=previews.stored(site.store, beside=overview))
    assert "/view" not in (await site.client.get(f"/s/{study.token}/preview")).text
    install(site.folder)
    assert f"/s/{study.token}/view" in (await site.client.get(f"/s/{study.token}/preview")).text


async def test_what_was_published_without_data_to_view_has_no_viewer(site: Site) -> None:
    install(site.folder)
    study = await site.completed(await site.queued("KP1"), companion=previews.stored(site.store))
    landing = (await site.client.get(f"/s/{study.token}")).text
    assert "/preview" in landing
    assert "/view" not in landing
    assert (await site.client.get(f"/s/{study.token}/view")).status_code == 404


@pytest.mark.parametrize(
    ("name", "accepted", "coding", "size", "kind"),
    [
        ("app.bundle.1.js", "gzip, deflate, br, zstd", "br", 2, "text/javascript; charset=utf-8"),
        ("app.bundle.1.js", "gzip, deflate", "gzip", 3, "text/javascript; charset=utf-8"),
        ("app.bundle.1.js", "identity", None, 4, "text/javascript; charset=utf-8"),
        ("1.wasm", "br", "br", 2, "application/wasm"),
        ("app.bundle.css", "br", None, 4, "text/css; charset=utf-8"),
    ],
)
async def test_files_are_packed_as_accepted_and_kept_for_good(
    site: Site, name: str, accepted: str, coding: str | None, size: int, kind: str
) -> None:
    install(site.folder)
    file = await site.client.send(
        site.client.build_request("GET", ADDRESS + name, headers={"Accept-Encoding": accepted}), stream=True
    )
    assert (file.status_code, file.headers["content-type"]) == (200, kind)
    assert (file.headers.get("content-encoding"), file.headers["content-length"]) == (coding, str(size))
    assert file.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert file.headers["vary"] == "Accept-Encoding"
    assert "unsafe-eval" not in file.headers["content-security-policy"]


async def test_only_the_decoder_may_compile(site: Site) -> None:
    install(site.folder)
    policy = (await site.client.get(f"{ADDRESS}1.bundle.1.js")).headers["content-security-policy"]
    assert policy == "default-src 'none'; script-src 'self' 'unsafe-eval'; connect-src 'self'"
    for missing in ("manifest.json", "LICENSES.txt", "app.bundle.1.js.br", "../manifest.json", "%2e%2e/x", ""):
        assert (await site.client.get(ADDRESS + missing)).status_code == 404
    assert (await site.client.get("/viewer/0/app.bundle.1.js")).status_code == 404
