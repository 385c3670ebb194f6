"""Measures how long the server takes to make each page: `python -m tests.bench.pages [TASKS]`.

The real application over a real database with 100,000 tasks and as many publications, in this process. First the time
from request to answer, the median of 20 after 3 that are not counted; then how much of the processor this process had
meanwhile, without the database: on a busy machine it says more.
"""

import asyncio
import statistics
import sys
import time
from pathlib import Path

from tests.peers import panel, person
from tests.peers.postgres import PostgresPeer, open_folder
from tests.web.conftest import BASE_URL

from studypub.config import Clinic, Config, Pacs, Server
from studypub.core.clinics import EVERY_CLINIC
from studypub.db.database import Database
from studypub.db.embedded import EmbeddedPostgres
from studypub.db.migrate import migrate
from studypub.store.local import LocalStore
from studypub.web.app import create_app
from studypub.web.parts import Parts

COUNTED, NOT_COUNTED = 20, 3
PAGES = (
    "/queue",
    "/queue/lines",
    "/queue?state=failed",
    "/queue?state=active",
    "/queue?q=n0077",
    "/queue?q=nowhere",
    "/queue?after={day}~ffffffff-ffff-ffff-ffff-ffffffffffff",
    "/studies",
    "/studies?after={day}~ffffffff-ffff-ffff-ffff-ffffffffffff",
    "/studies?sort=pid",
    "/studies?sort=acsn",
    "/studies?sort=emk_record_id",
    "/studies?sort=-size",
    "/studies?sort=-study_date",
    "/studies?sort=save_till",
    "/studies?q=n0077",
    "/studies?q=nowhere",
    "/studies?state=open&size_from=50",
    "/studies?upload_date_from=2020-01-01&upload_date_to=2020-02-01",
    "/studies?pid=p99999",
    "/admin/audit",
    "/publish/new",
)

FILL = b"""
WITH t AS (
    INSERT INTO tasks (clinic_code, patient_id, accession_number, emk_record_id, service_title, origin, requested_by,
        status, due_at, search_until, study_date, modalities, received, expected, error_code, error_text, created_at)
    SELECT CASE n %% 2 WHEN 0 THEN 'f_Khimki' ELSE 'f_Tver' END, 'P' || (n * 7919) %% 100000,
        'N' || to_char(n, 'FM0000000'), (n * 31) %% 100000,
        'CT', CASE WHEN n %% 5 = 0 THEN 'manual' ELSE 'mis' END::task_origin, 'key:AbCd1234',
        CASE WHEN n %% 1000 = 0 THEN 'FAILED' ELSE 'COMPLETED' END::task_status, NULL, now(),
        now() - n * interval '9 minutes', '{CT}', 240, 240,
        CASE WHEN n %% 1000 = 0 THEN 'INTERNAL' END,
        CASE WHEN n %% 1000 = 0 THEN '{"ru": "x", "en": "x"}'::jsonb END, now() - n * interval '5 minutes'
    FROM generate_series(1, %(number)s) n RETURNING *),
o AS (INSERT INTO stored_objects (object_key, task_id)
    SELECT 'studies/' || substr(md5(task_id::text), 1, 22) || '.zip', task_id FROM t RETURNING task_id)
INSERT INTO published_studies (task_id, clinic_code, patient_id, accession_number, emk_record_id, service_title, token,
    token_sha256, object_key, size, sha256, instances, left_out, modalities, profile, study_date, upload_date,
    save_till, state, closed_at)
SELECT task_id, clinic_code, patient_id, accession_number, emk_record_id, service_title,
    substr(md5(task_id::text), 1, 22), sha256(substr(md5(task_id::text), 1, 22)::bytea),
    'studies/' || substr(md5(task_id::text), 1, 22) || '.zip',
    1 + abs(hashtext(accession_number)) %% 1000000000, sha256(''), 240, 0, modalities, 'basic', study_date,
    created_at + interval '3 minutes', created_at + interval '30 days',
    CASE WHEN created_at > now() - interval '30 days' THEN 'LIVE' ELSE 'EXPIRED' END::study_state,
    CASE WHEN created_at > now() - interval '30 days' THEN NULL ELSE now() END
FROM t
"""


async def main(number: int, url: str, folder: Path) -> None:
    """Fill the database and print a row for each page."""
    await migrate(url)
    async with Database(url, size=4, name="bench", sees=EVERY_CLINIC) as database:
        await panel.add_people(database)
        async with database.transaction() as tx:
            await tx._ask(FILL, {"number": number})
        async with database.transaction() as tx:
            await tx._ask(b"ANALYZE")
            day = (await tx.now()).isoformat()[:4] + "-02-01T00:00:00+00:00"
        pacs = Pacs(ae_title="ORTHANC", host="127.0.0.1", port=4242)
        clinics = tuple(Clinic(code=code, name=code, pacs=pacs) for code in (panel.KHIMKI, panel.TVER))
        config = Config(server=Server(public_url=BASE_URL), clinics=clinics)
        app = create_app(Parts(config, database, LocalStore(folder), panel.ready))
        administrator = await person.signed_in(app, BASE_URL, panel.ADMINISTRATOR)
        medians = [await measure(administrator, page.format(day=day.replace("+", "%2B"))) for page in PAGES]
        print(f"{'slowest median':64} {max(medians):7.1f} ms")  # noqa: T201


async def measure(someone: person.Person, address: str) -> float:
    """Print how long one page takes, and return the median in milliseconds."""
    spans: list[float] = []
    used: list[float] = []
    response = await someone.get(address)
    for _ in range(NOT_COUNTED + COUNTED):
        begun, before = time.perf_counter(), time.process_time()
        response = await someone.get(address)
        spans.append(1000 * (time.perf_counter() - begun))
        used.append(1000 * (time.process_time() - before))
        assert response.status_code == 200, response.status_code
    counted, median = spans[NOT_COUNTED:], statistics.median(spans[NOT_COUNTED:])
    processor = statistics.median(used[NOT_COUNTED:])
    size = len(response.content) / 1024
    row = f"{address:64} {median:7.1f} ms, at most {max(counted):7.1f}; processor {processor:5.1f} ms; {size:4.0f} KB"
    print(row)  # noqa: T201
    return median


def with_server(number: int) -> None:
    """Run it all over a PostgreSQL of its own."""
    with open_folder() as folder:
        server = EmbeddedPostgres(folder)
        try:
            asyncio.run(main(number, PostgresPeer(server.start()).database(), folder))
        finally:
            server.stop()


if __name__ == "__main__":
    with_server(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
