"""Held images are shown to administrators only, and every decision counts once and sends the task on."""

from tests.peers import panel, person
from tests.peers.panel import Panel
from tests.peers.person import Person
from tests.web.conftest import BASE_URL, Site

from studypub.core.review import Decision, Held
from studypub.core.task import Status, Task
from studypub.db import audit, review, tasks
from studypub.errors import Sentence

PNG = b"\x89PNG held"
SENTENCE = Sentence("УЗИ: на кадрах стоят данные", "Ultrasound")


async def _held(bench: Panel) -> Task:
    held = [Held(f"1.2.{number}", "ultrasound", SENTENCE, PNG if number else None) for number in range(3)]
    return await bench.hold(await bench.queued("HELD"), *held)


async def _administrator(site: Site) -> Person:
    return await person.signed_in(site.app, BASE_URL, panel.ADMINISTRATOR)


async def test_each_image_is_decided_about_by_itself(site: Site, bench: Panel) -> None:
    task = await _held(bench)
    administrator = await _administrator(site)
    queue = await administrator.rows("/queue", "acsn")
    assert queue["HELD"].one("a", class_="button small").attributes["href"] == f"/review/{task.task_id}"
    page = await administrator.page(f"/review/{task.task_id}")
    held = [item.attributes["data-held-id"] for item in page.all("li") if "data-held-id" in item.attributes]
    pictures = [picture.attributes["src"] for picture in page.all("img") if "review" in picture.attributes["src"]]
    assert (len(held), len(pictures)) == (3, 2)
    assert (await administrator.get(pictures[0])).content == PNG
    form = dict(zip(held, ("mask", "release", "leave_out"), strict=True))
    assert (await administrator.post(f"/review/{task.task_id}", **form)).headers["location"] == "/queue"
    async with bench.database.transaction() as tx:
        decided = {str(one.held_id): one.decision for one in await review.of_task(tx, task.task_id)}
        found = await tasks.find(tx, task.task_id, clinic_code=None)
        entries = [entry.action for entry in await audit.newest(tx, limit=20, offset=0)]
    assert decided == {name: Decision(value) for name, value in form.items()}
    assert found is not None
    assert found.status is Status.QUEUED
    assert {"held.mask", "held.release", "held.leave_out"} <= set(entries)
    assert (await administrator.get(pictures[0])).status_code == 404


async def test_all_at_once(site: Site, bench: Panel) -> None:
    task = await _held(bench)
    administrator = await _administrator(site)
    await administrator.post(f"/review/{task.task_id}", all="leave_out")
    async with bench.database.transaction() as tx:
        assert {one.decision for one in await review.of_task(tx, task.task_id)} == {Decision.LEAVE_OUT}
    assert "Решать больше нечего" in (await administrator.get(f"/review/{task.task_id}")).text


async def test_a_face_is_left_out_where_all_is_to_be_covered(site: Site, bench: Panel) -> None:
    task = await bench.hold(
        await bench.queued("HELD"), Held("1.2", "ultrasound", SENTENCE, None), Held("1.3", "face", SENTENCE, None, 40)
    )
    await (await _administrator(site)).post(f"/review/{task.task_id}", all="mask")
    async with bench.database.transaction() as tx:
        decided = {one.reason: one.decision for one in await review.of_task(tx, task.task_id)}
    assert decided == {"ultrasound": Decision.MASK, "face": Decision.LEAVE_OUT}


async def test_a_registrator_sees_no_held_image(site: Site, bench: Panel) -> None:
    task = await _held(bench)
    registrator = await person.signed_in(site.app, BASE_URL, panel.REGISTRATOR)
    assert (await registrator.rows("/queue", "acsn"))["HELD"].all("a", class_="button small") == []
    assert (await registrator.get(f"/review/{task.task_id}")).status_code == 403
