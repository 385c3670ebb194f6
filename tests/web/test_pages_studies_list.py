"""The list of publications: narrowed down, sorted, read page by page, taken away as a file."""

import csv
import io
from datetime import timedelta

import pytest
from tests.peers import html, panel, person
from tests.peers.panel import Panel
from tests.peers.person import Person
from tests.web.conftest import BASE_URL, Site

from studypub.core.publication import Publication
from studypub.core.rights import Right
from studypub.db import audit, settings
from studypub.web import places
from studypub.web.spreadsheet import safe

MB = 2**20
COLUMNS = ["pid", "acsn", "emk_record_id", "size", "study_date", "upload_date", "save_till"]


@pytest.fixture
async def three(bench: Panel) -> list[Publication]:
    """Three of one clinic, one of another; of the three, one is withdrawn."""
    first = await bench.published(
        await bench.queued("B2", "P3", emk_record_id="30"), size=5 * MB, keep=timedelta(days=3)
    )
    second = await bench.published(
        await bench.queued("A1", "P1", emk_record_id="20"), size=90 * MB, keep=timedelta(days=9)
    )
    third = await bench.withdrawn(await bench.queued("C3", "P2", emk_record_id="10"))
    await bench.published(await bench.queued("TVER", clinic_code=panel.TVER))
    return [first, second, third]


async def grant(site: Site, *rights: Right) -> None:
    async with site.database.transaction() as tx:
        await settings.set_rights_of_registrators(tx, frozenset(rights))


async def numbers(someone: Person, address: str) -> list[str]:
    return [cell.text for cell in (await someone.page(address)).all(data_field="acsn")]


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("", ["C3", "A1", "B2"]),
        ("upload_date", ["B2", "A1", "C3"]),
        ("pid", ["A1", "C3", "B2"]),
        ("-pid", ["B2", "C3", "A1"]),
        ("acsn", ["A1", "B2", "C3"]),
        ("emk_record_id", ["C3", "A1", "B2"]),
        ("size", ["B2", "C3", "A1"]),
        ("-size", ["A1", "C3", "B2"]),
        ("save_till", ["B2", "A1", "C3"]),
        ("-study_date", ["C3", "A1", "B2"]),
        ("arch_link; DROP TABLE tasks", ["C3", "A1", "B2"]),
    ],
)
async def test_sorted_by_every_column_but_the_link(
    three: list[Publication], registrator: Person, sort: str, order: list[str]
) -> None:
    del three
    response = await registrator.client.get("/studies", params={"sort": sort})
    page = html.read(response.text)
    assert [cell.text for cell in page.all(data_field="acsn")] == order
    heads = {head.attributes["aria-sort"] for head in page.all("th") if "aria-sort" in head.attributes}
    assert heads == {"none", "descending" if sort.startswith("-") or not sort or "DROP" in sort else "ascending"}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("state=open", {"A1", "B2"}),
        ("state=withdrawn", {"C3"}),
        ("state=expired", set()),
        ("pid=p1", {"A1"}),
        ("acsn=b", {"B2"}),
        ("emk_record_id=0", {"A1", "B2", "C3"}),
        ("size_from=6", {"A1", "C3"}),
        ("size_from=6&size_to=60", {"C3"}),
        ("size_to=5", {"B2"}),
        ("size_from=9&size_to=1", {"A1", "B2", "C3"}),  # nonsense asks for nothing
        ("size_from=x&study_date_from=y&upload_date_to=99999-01-01", {"A1", "B2", "C3"}),
        ("upload_date_from=2020-01-01&upload_date_to=2020-02-01", set()),
        ("upload_date_to=2020-02-01&upload_date_from=2199-01-01", {"A1", "B2", "C3"}),
        ("study_date_from=2020-01-01", {"A1", "B2", "C3"}),
        ("q=p2", {"C3"}),
        ("clinic=f_Tver", {"A1", "B2", "C3"}),
    ],
)
async def test_narrowed_down_by_every_column_but_the_link(
    three: list[Publication], registrator: Person, query: str, found: set[str]
) -> None:
    del three
    page = await registrator.page(f"/studies?{query}")
    assert {cell.text for cell in page.all(data_field="acsn")} == found
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        fields = [field for field in page.all("input", name=name) if field.attributes.get("form") == "filter"]
        assert all(field.attributes["value"] == value for field in fields)


async def test_the_day_of_a_filter_is_the_clinics(three: list[Publication], registrator: Person) -> None:
    page = await registrator.page("/studies?sort=save_till")
    day = page.all(data_field="save_till")[0].one("time").attributes["datetime"][:10]
    assert await numbers(registrator, f"/studies?save_till_from={day}&save_till_to={day}") == ["B2"]
    del three


@pytest.mark.parametrize("sort", ["", *COLUMNS, "-size", "-pid"])
async def test_pages_lead_on_and_back_whatever_the_order(bench: Panel, registrator: Person, sort: str) -> None:
    async with bench.database.transaction() as tx:
        await tx._ask(MANY)
    address, seen, page = f"/studies?sort={sort}", [], await registrator.page(f"/studies?sort={sort}")
    while address:
        page = await registrator.page(address)
        seen.append([cell.text for cell in page.all(data_field="acsn")])
        address = next((link.attributes["href"] for link in page.all("a", rel="next")), "")
    assert [len(part) for part in seen] == [places.LENGTH, places.LENGTH, 20]
    assert len({number for part in seen for number in part}) == 120
    assert await numbers(registrator, page.one("a", rel="prev").attributes["href"]) == seen[1]


# Many values that are alike, and dates that are not there.
MANY = b"""
WITH t AS (
    INSERT INTO tasks (clinic_code, patient_id, accession_number, origin, requested_by, status, due_at, search_until)
    SELECT 'f_Khimki', 'P' || n % 7, 'N' || n, 'mis', 'key:x', 'COMPLETED', NULL, now()
    FROM generate_series(1, 120) n RETURNING task_id, patient_id, accession_number),
o AS (INSERT INTO stored_objects (object_key, task_id) SELECT 'studies/' || task_id, task_id FROM t)
INSERT INTO published_studies (task_id, clinic_code, patient_id, accession_number, token, token_sha256, object_key,
    size, sha256, instances, left_out, modalities, profile, study_date, upload_date, save_till)
SELECT task_id, 'f_Khimki', patient_id, accession_number, repeat('t', 22), sha256(accession_number::bytea),
    'studies/' || task_id, 1 + substr(accession_number, 2)::integer % 5, sha256(''), 1, 0, '{}', 'basic',
    CASE WHEN substr(accession_number, 2)::integer % 3 > 0 THEN now() END, date_trunc('day', now()),
    now() + interval '1 day'
FROM t
"""


@pytest.mark.parametrize(
    "nonsense", ["after=x", "after=x~x", "after=1~" + "0" * 32, "after=%00~" + "0" * 32, "before=~"]
)
async def test_a_place_that_is_none_is_the_head(three: list[Publication], registrator: Person, nonsense: str) -> None:
    del three
    assert await numbers(registrator, f"/studies?{nonsense}") == ["C3", "A1", "B2"]


async def test_the_list_is_taken_away_as_a_table(
    site: Site, three: list[Publication], registrator: Person, bench: Panel
) -> None:
    await grant(site, Right.EXPORT, Right.LINK)
    await bench.published(await bench.queued("=1+1", "@SUM(A1)", service_title='+cmd|" /C calc"!A0;"'))
    page = await registrator.page("/studies?sort=acsn")
    action = page.one("form", class_="export").attributes["action"]
    response = await registrator.post(action)
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert response.headers["content-disposition"] == 'attachment; filename="studies.csv"'
    rows = list(csv.DictReader(io.StringIO(response.content.decode("utf-8-sig")), delimiter=";"))
    assert [row["acsn"] for row in rows] == ["'=1+1", "A1", "B2", "C3"]
    assert (rows[0]["pid"], rows[0]["service_title"]) == ("'@SUM(A1)", '\'+cmd|" /C calc"!A0;"')
    assert rows[1]["arch_link"] == f"{BASE_URL}/s/{three[1].token}"
    assert (rows[1]["state"], rows[3]["state"], rows[3]["arch_link"]) == ("LIVE", "WITHDRAWN", "")
    async with site.database.transaction() as tx:
        entry = (await audit.newest(tx, limit=1, offset=0))[0]
    assert (entry.action, entry.actor, entry.details) == ("studies.exported", "user:ivanova", {"sort": "acsn"})
    await grant(site, Right.EXPORT)
    assert three[1].token not in (await registrator.post(action)).text


async def test_taking_the_list_away_has_to_be_granted(three: list[Publication], registrator: Person) -> None:
    del three
    assert (await registrator.page("/studies")).all("form", class_="export") == []
    assert (await registrator.post("/studies/export")).status_code == 403
    assert (await registrator.client.post("/studies/export")).status_code == 403


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("=1", "'=1"), ("+7", "'+7"), ("-1", "'-1"), ("@a", "'@a"), ("\t=1", "'\t=1"), ("\r1", "'\r1"),
        ("\uff1d1", "'\uff1d1"),
        ("A=1", "A=1"), ("", ""), (None, ""), (51, "51"), ("'=1", "'=1"),
    ],
)  # fmt: skip
def test_no_cell_is_a_formula(value: object, text: str) -> None:
    assert safe(value) == text


async def test_several_are_withdrawn_at_once(three: list[Publication], registrator: Person, site: Site) -> None:
    page = await registrator.page("/studies?state=open")
    marked = [box.attributes["value"] for box in page.all("input", name="study")]
    assert set(marked) == {str(three[0].study_id), str(three[1].study_id)}
    query = "&".join(f"study={one}" for one in (*marked, three[2].study_id, "x"))
    question = await registrator.page(f"/studies/selected/withdraw?state=open&{query}")
    assert question.one("h1").text == "Отозвать 2 публикации?"
    form = question.one(id="sheet").one("form")
    response = await registrator.post_many(form.attributes["action"], study=marked)
    assert response.headers["location"] == "/studies?state=open"
    assert await numbers(registrator, "/studies?state=open") == []
    async with site.database.transaction() as tx:
        entries = await audit.newest(tx, limit=2, offset=0)
    assert [entry.action for entry in entries] == ["study.withdrawn"] * 2
    again = await registrator.post_many(form.attributes["action"], study=marked)
    assert again.status_code == 409


async def test_several_are_kept_for_longer_at_once(three: list[Publication], registrator: Person) -> None:
    marked = [str(study.study_id) for study in three]
    question = await registrator.page("/studies/selected/keep?" + "&".join(f"study={one}" for one in marked))
    day = question.one("input", name="save_till_date").attributes["max"]
    address = "/studies/selected/keep"
    refused = await registrator.post_many(address, study=marked, save_till_date=["2020-01-01"])
    assert refused.status_code == 422
    assert "должен быть в будущем" in html.read(refused.text).one(id="fault-save_till_date").text
    assert (await registrator.post_many(address, study=marked, save_till_date=[day])).status_code == 303
    assert await numbers(registrator, f"/studies?save_till_from={day}&sort=acsn") == ["A1", "B2"]


async def test_another_clinics_are_passed_over(site: Site, three: list[Publication]) -> None:
    stranger = await person.signed_in(site.app, BASE_URL, panel.TVER_REGISTRATOR)
    for action in ("withdraw", "keep"):
        address = f"/studies/selected/{action}"
        assert (await stranger.get(f"{address}?study={three[0].study_id}")).status_code == 409
        assert (await stranger.post_many(address, study=[str(three[0].study_id)])).status_code == 409


@pytest.mark.parametrize(
    ("right", "paths"),
    [
        (Right.KEEP, ["{}/keep", "selected/keep"]),
        (Right.WITHDRAW, ["{}/withdraw", "selected/withdraw"]),
        (Right.LINK, ["{}", "{}/slip"]),
    ],
)
async def test_what_is_not_granted_is_neither_offered_nor_had(
    site: Site, three: list[Publication], registrator: Person, right: Right, paths: list[str]
) -> None:
    await grant(site, *(set(Right) - {right}))
    text = (await registrator.get("/studies")).text
    for path in paths:
        address = "/studies/" + path.format(three[0].study_id)
        assert f'href="{address}"' not in text
        assert (await registrator.get(address)).status_code == 403
        if path != "{}":
            assert (await registrator.post(address)).status_code == 403
    assert (three[0].token in text) is (right is not Right.LINK)
    await grant(site, right)
    assert (await registrator.get("/studies/" + paths[0].format(three[0].study_id))).status_code == 200


async def test_the_slip_names_nobody_unless_asked(three: list[Publication], registrator: Person) -> None:
    address = f"/studies/{three[0].study_id}/slip"
    slip = (await registrator.page(address)).one("article")
    assert slip.one(data_field="arch_link").text == f"{BASE_URL}/s/{three[0].token}"
    assert slip.one(data_field="save_till").one("time").text
    assert slip.one("img").attributes["src"].startswith("data:image/svg+xml")
    date = slip.one(data_field="save_till").text  # it may be the 30th
    assert not {"P3", "B2", "30"} & set(slip.text.replace(date, "").split())
    named = html.read((await registrator.post(address, name="Иванов <b>П. С.</b>")).text).one("article")
    assert named.one(class_="slip-for").text == "Иванов <b>П. С.</b>"
    assert (await registrator.page(address)).one("article").all(class_="slip-for") == []
    closed = await registrator.page(f"/studies/{three[2].study_id}/slip")
    assert closed.all("article") == []


async def test_a_closed_study_is_published_anew(three: list[Publication], registrator: Person) -> None:
    row = (await registrator.rows("/studies", "acsn"))["C3"]
    address = row.one("a", class_="inline again").attributes["href"]
    form = await registrator.page(address)
    assert form.one("input", name="accession_number").attributes["value"] == "C3"
    del three
