"""The page behind a link: what it tells, what it must not tell, and what it says when it is closed."""

import re
from datetime import timedelta

import pytest
from tests.peers import html, panel, person
from tests.peers.panel import Panel
from tests.web.conftest import BASE_URL, Site

from studypub.core.publication import Part
from studypub.core.task import Event, Handled, LeftOut
from studypub.db import tasks
from studypub.deid.reasons import Reason
from studypub.flows import withdraw


async def test_the_page_says_what_it_is(site: Site, bench: Panel) -> None:
    study = await bench.published(await bench.queued("KP125706548L", service_title="МРТ суставов"), modality="MR")
    page = await person.stranger(site.app, BASE_URL).page(f"/s/{study.token}")
    assert page.one("h1").text == "Магнитно-резонансная томография"
    assert page.one(class_="service").text == "МРТ суставов"
    assert page.one(data_field="instances").text == "240"
    assert page.one(data_field="size").text == "51 МБ"
    assert page.one(data_field="save_till").one("time").attributes["datetime"].startswith(f"{study.save_till:%Y-%m}")
    assert page.one(class_="button primary big").attributes["href"] == f"/s/{study.token}/download"
    assert [fold.text for fold in page.all("summary")][:4] == ["Windows", "Mac", "iPhone, iPad", "Android"]
    assert page.one("img").attributes["src"].startswith("data:image/svg+xml")


@pytest.mark.parametrize(
    ("form", "language", "media_type", "said"),
    [
        ("zip", "en", "application/zip", "Download the archive, right-click it and choose “Extract All”."),
        ("tar.zst", "en", "application/zstd", "In Windows 11 right-click it and choose “Extract All”."),
        ("tar.zst", "ru", "application/zstd", "Этот архив открывается только на компьютере."),
        ("iso", "ru", "application/vnd.efi.iso", "Образ диска открывается только на компьютере."),
    ],
)
async def test_the_page_tells_how_to_open_what_is_downloaded(
    site: Site, bench: Panel, form: str, language: str, media_type: str, said: str
) -> None:
    study = await bench.published(await bench.queued("KP125706548L", archive_format=form))
    stranger = person.stranger(site.app, BASE_URL, language)
    assert said in (await stranger.page(f"/s/{study.token}")).all(class_="folds")[0].text
    head = await site.client.head(f"/s/{study.token}/download")
    assert head.headers["content-type"] == media_type
    assert head.headers["content-disposition"].endswith(f'.{form}"')


@pytest.mark.parametrize(
    ("missing", "language", "said"),
    [
        (2, "ru", "Опубликовано 240 из 242 снимков. Остальных по этой ссылке нет: скажите об этом врачу."),
        (1, "ru", "Опубликовано 240 из 241 снимка. Остальных по этой ссылке нет: скажите об этом врачу."),
        (2, "en", "Published: 240 of 242 images. The others are not behind this link: tell the doctor."),
        (
            None,
            "ru",
            "Опубликованы, возможно, не все снимки. Сколько их всего, клиника не знает: скажите об этом врачу.",
        ),
    ],
)
async def test_a_part_is_told_as_one_on_every_page(
    site: Site, bench: Panel, missing: int | None, language: str, said: str
) -> None:
    study = await bench.published(await bench.queued("KP125706548L"), part=Part(missing))
    patient = person.stranger(site.app, BASE_URL, language)
    assert (await patient.page(f"/s/{study.token}")).one(data_field="part").text == said
    registrator = await person.signed_in(site.app, BASE_URL, panel.REGISTRATOR, language)
    for path in (f"/studies/{study.study_id}", f"/studies/{study.study_id}/slip"):
        assert (await registrator.page(path)).one(data_field="part").text.rstrip(".") == said.partition(".")[0]
    listed = (await registrator.page("/studies")).one(data_field="part")
    assert listed.attributes["title"] == said.partition(".")[0]
    shown = (await site.get(f"/publish/{study.task_id}")).json()
    assert shown["partial"] is True


@pytest.mark.parametrize(
    ("count", "language", "said"),
    [
        (
            1,
            "ru",
            "1 файл исследования не опубликован: по нему можно было бы узнать пациента. Он есть в клинике.",
        ),
        (
            2,
            "ru",
            "2 файла исследования не опубликованы: по ним можно было бы узнать пациента. Они есть в клинике.",
        ),
        (
            2,
            "en",
            "2 files of the study are not published: they might tell who the patient is. The clinic has them.",
        ),
    ],
)
async def test_it_says_what_was_left_out(site: Site, bench: Panel, count: int, language: str, said: str) -> None:
    task = await bench.advanced(await bench.queued("KP125706548L"), Event.FOUND, Event.RECEIVED)
    reason = Reason.STRUCTURED_REPORT
    async with bench.database.transaction() as tx:
        handled = Handled((LeftOut(reason.value, reason.sentence, count),), 0, 0)
        task = await tasks.advance(tx, task, Event.PREPARED, handled=handled)
    study = await bench.published_as_it_is(task)
    patient = person.stranger(site.app, BASE_URL, language)
    assert (await patient.page(f"/s/{study.token}")).one(data_field="left_out").text == said


async def test_nothing_on_it_names_the_patient(site: Site, bench: Panel) -> None:
    study = await bench.published(
        await bench.queued(
            "KP125706548L", "1000001158664", service_title="МРТ, kp-125706548l", emk_record_id="77123456"
        )
    )
    response = await person.stranger(site.app, BASE_URL).get(f"/s/{study.token}")
    assert study.study_date is not None
    for secret in ("KP125706548L", "125706548", "1000001158664", "77123456", f"{study.study_date:%Y-%m-%d}"):
        assert secret.lower() not in response.text.lower()
    assert f"{study.study_date.day} октября" not in response.text
    assert html.read(response.text).all(class_="service") == []


async def test_looking_needs_nobody_and_leaves_nothing(site: Site, bench: Panel) -> None:
    study = await bench.published(await bench.queued("KP125706548L"))
    somebody = person.stranger(site.app, BASE_URL)
    looked = await somebody.get(f"/s/{study.token}")
    head = await somebody.client.head(f"/s/{study.token}")
    assert (looked.status_code, head.status_code, head.content) == (200, 200, b"")
    for response in (looked, head):
        assert response.headers["referrer-policy"] == "no-referrer"
        assert response.headers["cache-control"] == "no-store"
        assert "noindex" in response.headers["x-robots-tag"]
        assert "set-cookie" not in response.headers


async def test_the_page_is_light(site: Site, bench: Panel) -> None:
    study = await bench.published(await bench.queued("KP125706548L", service_title="Ш" * 256))
    somebody = person.stranger(site.app, BASE_URL)
    page = await somebody.get(f"/s/{study.token}")
    parts = re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text)
    assert parts
    total = len(page.content) + sum([len((await somebody.get(part)).content) for part in parts])
    assert total < 50_000


@pytest.mark.parametrize("token", ["0" * 22, "short", "%20", "..%2f..%2fetc", "x" * 300])
async def test_an_unknown_link_is_told_kindly(site: Site, bench: Panel, token: str) -> None:
    del bench
    response = await person.stranger(site.app, BASE_URL).get(f"/s/{token}")
    assert response.status_code == 404
    assert "StudyPublicator" not in html.read(response.text).one("body").text


async def test_unknown_names_the_clinic(site: Site, bench: Panel) -> None:
    del bench
    page = await person.stranger(site.app, BASE_URL).page("/s/" + "0" * 22, 404)
    assert page.one("h1").text == "Такой ссылки нет"
    assert page.one(class_="clinic").text == "Клиника в Химках"


async def test_expired_and_withdrawn_are_told_apart(site: Site, bench: Panel) -> None:
    over = await bench.published(await bench.queued("OVER"), keep=timedelta(seconds=-1))
    gone = await bench.withdrawn(await bench.queued("GONE"))
    somebody = person.stranger(site.app, BASE_URL)
    assert (await somebody.page(f"/s/{over.token}", 410)).one("h1").text == "Срок ссылки истёк"
    assert (await somebody.page(f"/s/{gone.token}", 410)).one("h1").text == "Ссылка отозвана"
    assert (await somebody.client.head(f"/s/{gone.token}")).status_code == 410


async def test_withdrawing_closes_it_at_once(site: Site, bench: Panel) -> None:
    study = await bench.published(await bench.queued("KP125706548L"))
    somebody = person.stranger(site.app, BASE_URL, "en")
    assert (await somebody.page(f"/s/{study.token}")).one("h1").text == "Computed tomography"
    await withdraw.withdraw(bench.database, study.study_id, actor="user:admin", clinic_code=None)
    assert (await somebody.page(f"/s/{study.token}", 410)).one("h1").text == "This link was withdrawn"
