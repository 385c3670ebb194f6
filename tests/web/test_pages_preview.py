"""Pictures behind a link: who sees them, for how long, and what is said of what is not shown."""

from datetime import timedelta

import pytest
from tests.peers import previews
from tests.web.conftest import Site

from studypub.core.publication import Publication
from studypub.flows import pin, withdraw

ME = {"actor": "user:admin", "clinic_code": None}


async def published(site: Site, number: str = "KP1", keep: timedelta = timedelta(days=30)) -> Publication:
    beside = previews.stored(site.store)
    return await site.completed(await site.queued(number), keep=keep, companion=beside)


async def test_the_page_shows_one_series_and_leads_to_the_others(site: Site) -> None:
    study = await published(site)
    page = await site.client.get(f"/s/{study.token}/preview")
    assert page.status_code == 200
    assert page.headers["x-robots-tag"].startswith("noindex")
    assert page.headers["referrer-policy"] == "no-referrer"
    assert "Chest 1.0" in page.text
    assert "равномерно: 40 из 400" in page.text
    assert "1 снимок не показан" in page.text
    assert "Протокол дозы: 2" in page.text
    assert "ещё 1 файл без снимков" in page.text
    assert study.patient_id not in page.text
    other = await site.client.get(f"/s/{study.token}/preview?series=1", headers={"Accept-Language": "en"})
    assert "Image 1 of 1" in other.text
    for wrong in ("0", "3", "x", "9" * 9, "-1", "١"):
        assert "Chest 1.0" in (await site.client.get(f"/s/{study.token}/preview", params={"series": wrong})).text


async def test_a_picture_is_kept_for_a_while_and_no_longer_than_the_link(site: Site) -> None:
    study = await published(site)
    picture = await site.client.get(f"/s/{study.token}/preview/0")
    assert (picture.status_code, picture.headers["content-type"]) == (200, "image/jpeg")
    assert picture.content.startswith(b"\xff\xd8")
    assert picture.headers["cache-control"] == "private, max-age=600, immutable"
    for missing in ("preview/9999", "preview/x", "preview/-1", "preview/0/1"):
        assert (await site.client.get(f"/s/{study.token}/{missing}")).status_code == 404
    short = await published(site, "KP2", timedelta(seconds=100))
    kept = (await site.client.get(f"/s/{short.token}/preview/0")).headers["cache-control"]
    assert 0 < int(kept.partition("max-age=")[2].partition(",")[0]) <= 100


async def test_what_has_closed_shows_nothing(site: Site) -> None:
    study = await published(site)
    await withdraw.withdraw(site.database, study.study_id, **ME)  # type: ignore[arg-type]
    over = await published(site, "KP2", timedelta(seconds=-1))
    for one in (study, over):
        for path in ("preview", "preview/0"):
            answer = await site.client.get(f"/s/{one.token}/{path}")
            assert (answer.status_code, answer.headers["cache-control"]) == (410, "no-store")
    for path in ("preview", "preview/0"):
        assert (await site.client.get(f"/s/{'0' * 22}/{path}")).status_code == 404


async def test_a_pin_stands_before_every_picture(site: Site) -> None:
    study = await published(site)
    await pin.set_pin(site.database, study.study_id, "271828", **ME)  # type: ignore[arg-type]
    asked = await site.client.get(f"/s/{study.token}/preview")
    assert (asked.status_code, asked.headers["location"]) == (303, f"/s/{study.token}")
    assert (await site.client.get(f"/s/{study.token}/preview/0")).status_code == 403
    await site.client.post(f"/s/{study.token}", data={"pin": "271828"})
    assert (await site.client.get(f"/s/{study.token}/preview")).status_code == 200
    picture = await site.client.get(f"/s/{study.token}/preview/0")
    assert (picture.status_code, picture.headers["cache-control"]) == (200, "no-store")


@pytest.mark.parametrize("lost", [False, True])
async def test_without_pictures_there_is_the_archive(site: Site, *, lost: bool) -> None:
    if lost:
        study = await published(site)
        assert study.companion
        site.store.delete(study.companion.key)
    else:
        study = await site.completed(await site.queued("KP1"))
    landing = await site.client.get(f"/s/{study.token}")
    assert landing.status_code == 200
    assert "/preview" not in landing.text
    assert (await site.client.get(f"/s/{study.token}/preview")).status_code == (503 if lost else 404)


async def test_the_landing_page_leads_to_the_pictures_first(site: Site) -> None:
    study = await published(site)
    landing = (await site.client.get(f"/s/{study.token}")).text
    assert landing.index(f'href="/s/{study.token}/preview"') < landing.index(f'href="/s/{study.token}/download"')
