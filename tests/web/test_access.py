"""Who may and who may not, for every route there is."""

import itertools
import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast
from uuid import UUID, uuid4

import httpx
import pytest
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from tests.peers import panel, previews
from tests.web import matrix
from tests.web.conftest import BASE_URL, KHIMKI, TVER, Site

from studypub.config import Clinic
from studypub.core import ids
from studypub.core.outbox import Kind, State
from studypub.core.people import Role
from studypub.core.review import Held
from studypub.core.task import Event
from studypub.db import outbox, people, recipients, review, tasks
from studypub.db.outbox import Callback
from studypub.db.recipients import Recipient
from studypub.errors import IncompleteRetrieve, Sentence
from studypub.flows import sign_in
from studypub.flows.set_clinic import Editing, set_clinic
from studypub.web import guards

SAFE = {"GET", "HEAD", "OPTIONS"}


def handlers(app: Litestar) -> Iterator[tuple[str, HTTPRouteHandler]]:
    for route in app.routes:
        for handler in getattr(route, "route_handlers", ()):
            if "OPTIONS" not in handler.http_methods:
                yield route.path, handler


def address(path: str) -> str:
    return re.sub(r"{\w+:(\w+)}", lambda part: str(uuid4()) if part[1] == "uuid" else "x", path)


# The ways in which a route lets somebody through, and then perhaps refuses what they ask for.
_ADMITTED = {200, 201, 202, 204, 303, 400, 409, 415, 422}


@dataclass
class Callers:
    """Everybody of the matrix on one site, and things of clinic A for them to ask for."""

    site: Site
    bench: panel.Panel
    sessions: dict[str, tuple[str, str]]
    numbers: Iterator[int]

    async def ask(self, caller: str, method: str, path: str) -> str:
        """Return the letter of the matrix for what happens."""
        headers, cookies = {"X-Forwarded-For": f"10.9.8.{next(self.numbers) % 250}"}, {}
        if caller.startswith("key"):
            headers |= self.site.as_mis(KHIMKI if caller.endswith("A") else TVER)
        elif caller in self.sessions:
            token, csrf = self.sessions[caller]
            headers[guards.CSRF_HEADER] = csrf
            cookies["__Host-studypub_session"] = token
        transport = httpx.ASGITransport(cast("Any", self.site.app), client=("127.0.0.1", 1))
        async with httpx.AsyncClient(transport=transport, base_url=BASE_URL, cookies=cookies) as client:
            response = await client.request(method, await self._address(method, path), headers=headers)
        return _letter(response)

    async def _address(self, method: str, path: str) -> str:
        """Return the address of a new thing of clinic A, so that what one caller does spoils it for nobody."""
        number = next(self.numbers)
        if path == "/metrics" or path.startswith("/static"):
            return path.replace("{path:path}", "app.css")
        if path == "/publish" and method == "GET":
            await self.bench.queued(f"A{number}")
            return f"/publish?accession_number=A{number}"
        if "/send/" in path:
            return await self._letter(number)
        values: dict[str, Callable[[], Awaitable[str]]] = {
            "{task_id": lambda: self._task(number, path),
            "{study_id": lambda: self._study(number),
            "{name": lambda: self._user(number),
            "{key_id": self._key,
            "{code": lambda: self._clinic(number),
            "{message_id": lambda: self._message(number),
            "{held_id": lambda: self._held(number),
            "{token": lambda: self._token(number, path),
        }
        for begins, make in values.items():
            if begins in path:
                return re.sub(r"{\w+:\w+}", await make(), path.replace("{part:int}", "0"))
        return path

    async def _task(self, number: int, path: str) -> str:
        task_id = await self.site.queued(f"A{number}")
        if "/review/" in path:
            await self._hold(task_id)
        if path.endswith("/received"):
            await self._fail_incomplete(task_id)
        return str(task_id)

    async def _fail_incomplete(self, task_id: UUID) -> None:
        task = await self.site.claimed(task_id)
        async with self.site.database.transaction() as tx:
            task = await tasks.advance(tx, task, Event.FOUND, received=1, expected=2)
            await tasks.end(tx, task, Event.FAIL, why=IncompleteRetrieve(received=1, expected=2))

    async def _hold(self, task_id: UUID) -> None:
        task = await self.site.claimed(task_id)
        async with self.site.database.transaction() as tx:
            for event in (Event.FOUND, Event.RECEIVED):
                task = await tasks.advance(tx, task, event)
            await review.hold(tx, task, [Held("1.2.3", "ultrasound", Sentence("УЗИ", "Ultrasound"), b"PNG")])

    async def _held(self, number: int) -> str:
        task_id = await self.site.queued(f"A{number}")
        await self._hold(task_id)
        async with self.site.database.transaction() as tx:
            return str((await review.of_task(tx, task_id))[0].held_id)

    async def _study(self, number: int) -> str:
        return str((await self.site.completed(await self.site.queued(f"A{number}"))).study_id)

    async def _token(self, number: int, path: str) -> str:
        if path.startswith("/setup"):
            return ids.new_session_token()
        beside = previews.stored(self.site.store)
        return (await self.site.completed(await self.site.queued(f"A{number}"), companion=beside)).token

    async def _user(self, number: int) -> str:
        await panel.add_user(self.site.database, f"user{number}", Role.REGISTRATOR, KHIMKI)
        return f"user{number}"

    async def _clinic(self, number: int) -> str:
        clinic = Clinic(code=f"c{number}", name="x", pacs=self.site.parts.config.clinics[0].pacs)
        await set_clinic(self.site.app.state.current, self.site.database, clinic, Editing("test", ""))
        return clinic.code

    async def _key(self) -> str:
        key = await sign_in.add_api_key(self.site.database, clinic_code=KHIMKI, name="x", actor="test")
        return key.partition(".")[0]

    async def _letter(self, number: int) -> str:
        task_id = await self.site.queued(f"A{number}")
        async with self.site.database.transaction() as tx:
            await recipients.keep(tx, task_id, Recipient("i@mail.example", None), wait=timedelta(0))
        await self.site.completed(task_id)
        async with self.site.database.transaction() as tx:
            (line,) = await outbox.to_patient(tx, task_id)
        return f"/queue/{task_id}/send/{line.message.message_id}"

    async def _message(self, number: int) -> str:
        called = Callback("https://mis.clinic.example/", "whsec_x")
        async with self.site.database.transaction() as tx:
            await outbox.set_callback(tx, self.site.keys[KHIMKI].partition(".")[0], called)
        await self.site.failed(await self.site.queued(f"A{number}"), IncompleteRetrieve(received=1, expected=2))
        async with self.site.database.transaction() as tx:
            every = await outbox.lines(tx, clinic_code=None, states=tuple(State), kinds=tuple(Kind), limit=1)
        return str(every[0].message.message_id)


def _letter(response: httpx.Response) -> str:
    to_login = response.headers.get("location", "").startswith("/login?next=")
    if response.status_code == 303 and to_login:
        return "L"
    letters = {401: "k", 403: "f", 404: "0"}
    # The form of the login page refuses what is empty: whoever sends it was let in.
    if response.status_code == 401 and "text/html" in response.headers["content-type"]:
        return "+"
    return "+" if response.status_code in _ADMITTED else letters[response.status_code]


@pytest.fixture
async def callers(site: Site) -> Callers:
    sessions = {}
    for name, role, clinic in (
        ("registrator A", Role.REGISTRATOR, KHIMKI),
        ("administrator A", Role.ADMINISTRATOR, KHIMKI),
        ("registrator B", Role.REGISTRATOR, TVER),
        ("administrator B", Role.ADMINISTRATOR, TVER),
        ("administrator", Role.ADMINISTRATOR, None),
    ):
        user = await panel.add_user(site.database, name.replace(" ", "."), role, clinic)
        async with site.database.transaction() as tx:
            token = await people.open_session(tx, user.user_id, lifetime=timedelta(hours=1))
            session = await people.session(tx, token, idle=timedelta(hours=1))
        assert session
        sessions[name] = (token, session.csrf_token)
    return Callers(site, panel.Panel(BASE_URL, site.parts), sessions, itertools.count(1))


def test_x38_every_route_stands_in_the_matrix(steady_site: Site) -> None:
    served = {f"{method} {path}" for path, handler in handlers(steady_site.app) for method in handler.http_methods}
    assert served - set(matrix.ROUTES) == set(), "say in tests/web/matrix.py who may reach it"
    assert set(matrix.ROUTES) - served == set()
    assert {len(letters) for letters in matrix.ROUTES.values()} == {len(matrix.CALLERS)}


@pytest.mark.parametrize("caller", matrix.CALLERS)
async def test_x37_x38_everybody_reaches_what_is_theirs_and_nothing_else(callers: Callers, caller: str) -> None:
    place = matrix.CALLERS.index(caller)
    found, expected = {}, {}
    # The session ends with /logout: last.
    for route, letters in sorted(matrix.ROUTES.items(), key=lambda pair: pair[0] == "POST /logout"):
        found[route] = await callers.ask(caller, *route.split(" "))
        expected[route] = letters[place]
    assert found == expected


def test_x27_every_route_that_changes_something_is_guarded_against_other_sites(steady_site: Site) -> None:
    for path, handler in handlers(steady_site.app):
        if handler.http_methods <= SAFE:
            continue
        given = {getattr(guard, "func", guard) for guard in handler.resolve_guards()}
        assert given & {guards.csrf, guards.same_origin, guards.with_api_key}, path


def _wrong_keys(right: str) -> list[str]:
    key_id, _, secret = right.partition(".")
    return [
        "",
        "Bearer",
        "Bearer ",
        f"Basic {right}",
        right,
        f"Bearer {key_id}",
        f"Bearer {key_id}.",
        f"Bearer {key_id}.{secret[:-1]}",
        f"Bearer {key_id}.{secret}x",
        f"Bearer {key_id}.{secret.swapcase()}",
        f"Bearer 00000000.{secret}",
        f"Bearer .{secret}",
        f"Bearer {right} {right}",
        "Bearer \u00ff.\u00ff",
        f"Bearer {'x' * 10_000}",
    ]


async def test_x19_no_key_no_entry(steady_site: Site) -> None:
    for credentials in _wrong_keys(steady_site.keys[KHIMKI]):
        headers = {b"Authorization": credentials.encode("latin-1")}
        for method in ("GET", "POST"):
            response = await steady_site.client.request(method, "/publish", headers=headers)
            assert response.status_code == 401, credentials
            assert response.headers["www-authenticate"] == 'Bearer realm="studypub"'
            assert response.headers["content-type"] == "application/problem+json"
            assert response.json()["status"] == 401


async def test_x19_a_revoked_key_opens_nothing(site: Site) -> None:
    assert (await site.get("/publish?accession_number=1")).status_code == 404
    await sign_in.revoke_api_key(site.database, site.keys[KHIMKI].partition(".")[0], actor="test")
    assert (await site.get("/publish?accession_number=1")).status_code == 401


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_the_schemes_case_does_not_matter(steady_site: Site, scheme: str) -> None:
    headers = {"Authorization": f"{scheme} {steady_site.keys[KHIMKI]}"}
    response = await steady_site.client.get("/publish?accession_number=1", headers=headers)
    assert response.status_code == 404
