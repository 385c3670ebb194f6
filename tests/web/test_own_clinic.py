"""Every route, with every identifier of one clinic, as another's people and programs: nothing shows, nothing changes.

Once more with the application's own checks out of the way: whoever may do everything, by what the application knows of
them, is held by the database alone.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from psycopg import sql
from tests.web import matrix
from tests.web.conftest import BASE_URL, KHIMKI, TVER
from tests.web.test_access import Callers, callers

from studypub.core.clinics import only
from studypub.core.people import Program, User
from studypub.web import app, guards

__all__ = ["callers"]

# What a link opens is its token's, whoever has it; the others concern no clinic.
_OF_NO_CLINIC = re.compile(r" /(s/|login|logout|setup/|language|static/|viewer/|security|fhir/metadata|schema/)")
_PATIENT = r"(?<!например\s)(?<!example\s)1000001158664"  # whom the form names as an example
_DIGEST = """
SELECT {name} AS table, md5(string_agg(row, '' ORDER BY row)) AS digest
FROM (SELECT (to_jsonb(t) - 'last_used_at' - 'seen_at')::text AS row FROM {table} t) rows
"""


@dataclass
class Everything:
    """What the first clinic has, and what others may try with it."""

    callers: Callers
    values: dict[str, str]

    def addresses(self) -> list[tuple[str, str]]:
        routes = [route for route in matrix.ROUTES if not _OF_NO_CLINIC.search(route)]
        return [(method, self._address(path)) for method, path in (route.split(" ") for route in routes)]

    async def ask(self, method: str, address: str, caller: str) -> httpx.Response:
        """Ask with all that may name one of its things, or change it."""
        headers, cookies = {}, {}
        if caller in self.callers.sessions:
            token, headers[guards.CSRF_HEADER] = self.callers.sessions[caller]
            cookies["__Host-studypub_session"] = token
        else:
            headers = self.callers.site.as_mis(KHIMKI if caller.endswith("A") else TVER)
        asked: dict[str, Any] = {"params": {"study": self.values["study_id"], "again": self.values["task_id"]}}
        if method != "GET" and caller in self.callers.sessions:
            asked["data"] = {
                "study": self.values["study_id"],
                "save_till_date": "2030-01-01",
                "pin": "135790",
                "password": "correct horse battery",
                "all": "release",
                "reason": "x",
                self.values["held_id"]: "release",
            }
        elif method != "GET":
            asked["json"] = {"patient_id": "7", "accession_number": "Z7", "save_till_date": "2030-01-01T00:00:00+03:00"}
        transport = httpx.ASGITransport(cast("Any", self.callers.site.app), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=BASE_URL, cookies=cookies) as client:
            return await client.request(method, address, headers=headers, **asked)

    async def digests(self) -> dict[str, str]:
        """Return a digest of all that the first clinic has, by table."""
        async with self.callers.site.database.seeing(only(KHIMKI)).transaction() as tx:
            tables = await tx._ask(b"SELECT relname FROM pg_class WHERE relrowsecurity")
            whole = sql.SQL(" UNION ALL ").join(
                sql.SQL(_DIGEST).format(name=row["relname"], table=sql.Identifier(row["relname"]))
                for row in await tables.fetchall()
            )
            rows = await (await tx._ask(whole)).fetchall()
        return {row["table"]: row["digest"] for row in rows}

    async def tried(self, caller: str) -> list[str]:
        """Return by which routes somebody is shown one of its things, or changes one."""
        found, before = [], await self.digests()
        its_own = re.compile("|".join((_PATIENT, "i@mail[.]example", self.values["name"], self.values["key_id"])))
        for method, address in self.addresses():
            response = await self.ask(method, address, caller)
            after = await self.digests()
            if its_own.search(response.text):
                found.append(f"{method} {address} shows")
            if after != before:
                found.append(f"{method} {address} changes {[name for name in after if after[name] != before[name]]}")
            before = after
        return found

    def _address(self, path: str) -> str:
        if path == "/publish":
            return "/publish?accession_number=A1"
        if "/send/" in path:
            return self.values["letter"]
        values = self.values | {"task_id": self.values[f"task_id {_state(path)}".strip()]}
        return re.sub(r"{(\w+):\w+}", lambda part: values[part[1]], path)


def _state(path: str) -> str:
    return "held" if path.startswith("/review") else "failed" if path.endswith("/received") else ""


@pytest.fixture
async def everything(callers: Callers) -> Everything:
    message_id = await callers._message(1)
    letter = await callers._letter(2)
    values = {
        "message_id": message_id,
        "letter": letter,
        "study_id": await callers._study(3),
        "task_id held": await callers._task(4, "/review/"),
        "held_id": await callers._held(5),
        "task_id failed": await callers._task(6, "/received"),
        "name": await callers._user(7),
        "key_id": await callers._key(),
        "code": KHIMKI,
        "task_id": await callers._task(1, "/queue"),
    }
    return Everything(callers, values)


@pytest.mark.parametrize("caller", ["registrator B", "administrator B", "key B"])
async def test_nobody_of_another_clinic_sees_or_changes_anything(everything: Everything, caller: str) -> None:
    assert await everything.tried(caller) == []


@pytest.mark.parametrize("caller", ["administrator", "key A"])
async def test_the_database_holds_whom_the_application_would_let_through(
    everything: Everything, monkeypatch: pytest.MonkeyPatch, caller: str
) -> None:
    known = User if caller in everything.callers.sessions else Program
    with monkeypatch.context() as patch:
        patch.setattr(known, "sees", property(lambda _: only(TVER)))
        assert await everything.tried(caller) == []
    assert len(await everything.tried(caller)) > 5, "what it is that is held"


def test_few_places_of_the_web_layer_see_every_clinic() -> None:
    """Who asks is not known yet; or a link's token, or a logo's hash, says what is asked for; or all is measured."""
    web = Path(app.__file__).parent
    found = {
        str(file.relative_to(web)) for file in web.rglob("*.py") if "seeing(EVERY_CLINIC)" in file.read_text("utf-8")
    }
    known = {
        "app.py",
        "entrance.py",
        "guards.py",
        "links.py",
        "pages/login.py",
        "pages/login_code.py",
        "pages/logo.py",
        "pages/setup.py",
    }
    assert found == known
