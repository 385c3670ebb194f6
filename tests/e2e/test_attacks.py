"""What an attacker tries through a browser: stored scripts, forms of other sites, and the button that goes back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from playwright.async_api import Page, expect
from tests.e2e.poison import PAYLOADS, poisoned
from tests.e2e.sites import assert_clean, sign_in
from tests.peers import panel
from tests.peers.browser import OpenTab, Tab
from tests.peers.panel import Panel
from tests.peers.world import eventually

from studypub.core.task import Status
from studypub.db import audit, people, tasks
from studypub.flows import pin

pytestmark = pytest.mark.peer

_AT_ONCE = 2
_SOME = [*PAYLOADS[:6], *PAYLOADS[6::3]]
_LIVING = "document.querySelectorAll('[data-live]').length + (window.live ? 1 : 0)"


@pytest.mark.parametrize("payloads", [_SOME, pytest.param(PAYLOADS, marks=pytest.mark.long)], ids=["some", "all"])
async def test_x18_x28_nothing_that_is_stored_comes_to_life(
    fresh: Panel, open_tab: OpenTab, payloads: list[str]
) -> None:
    tabs = [await open_tab() for _ in range(_AT_ONCE)]
    dialogs: list[str] = []
    for tab in tabs:
        tab.page.on("dialog", lambda dialog: dialogs.append(dialog.message))
        await sign_in(tab.page, fresh, panel.ADMINISTRATOR)
    pages = [address for text in payloads for address in await poisoned(fresh, text)]
    await asyncio.gather(*(_look_at(tab, fresh, pages[number::_AT_ONCE]) for number, tab in enumerate(tabs)))
    for path in ("/queue", "/studies", "/admin/users", "/admin/keys", "/admin/audit"):
        await tabs[0].page.goto(fresh.address + path)
        await tabs[0].page.mouse.move(300, 300)
        assert await tabs[0].page.evaluate(_LIVING) == 0, path
        assert "<i data-live>" in await tabs[0].page.locator("main").inner_text()  # the text is there to be read
    assert dialogs == []
    for tab in tabs:
        tab.failed_requests = [line for line in tab.failed_requests if not line.endswith(" 404")]
        tab.console_errors = [line for line in tab.console_errors if "404 (Not Found)" not in line]
        assert_clean(tab, fresh)


async def _look_at(tab: Tab, site: Panel, pages: list[str]) -> None:
    for path in pages:
        await tab.page.goto(site.address + path)
        assert await tab.page.evaluate(_LIVING) == 0, path


async def test_x28_the_policy_stops_and_reports_what_would_come_to_life(full: Panel, open_tab: OpenTab) -> None:
    tab = await open_tab()
    await sign_in(tab.page, full, panel.ADMINISTRATOR)
    assert await _reported(tab.page, "") == []
    attacks = {
        "<img src=x onerror=window.live=1>": "script-src-attr",
        "<img src=//live.example/x.png>": "img-src",
        "<style>body{color:red}</style>": "style-src-elem",
        "<p style='color:red'></p>": "style-src-attr",
        "<iframe src=//live.example></iframe>": "frame-src",
        "<base href=//live.example>": "base-uri",
    }
    for attack, directive in attacks.items():
        assert directive in await _reported(tab.page, attack, directive), attack
    assert await tab.page.evaluate("window.live") is None
    await asyncio.to_thread(eventually, lambda: _answered(tab) == {"csp"})


def _answered(tab: Tab) -> set[str | None]:
    """Return what became of requests to the attacker's site."""
    answered = {line.split()[1]: line.split()[2] for line in tab.failed_requests}
    return {answered.get(url) for url in tab.requests if "live.example" in url}


async def _reported(page: Page, html: str, awaited: str = "") -> list[str]:
    """Return the directives that are broken in a while, or until the one that is awaited is."""
    found: list[str] = await page.evaluate(
        """async ([html, awaited]) => {
            const found = [];
            const note = event => found.push(event.effectiveDirective);
            document.addEventListener("securitypolicyviolation", note);
            const place = document.createElement("div");
            document.head.append(place);
            place.innerHTML = html;
            const looks = awaited ? 200 : 1;
            for (let look = 0; look < looks && !found.includes(awaited); look++)
                await new Promise(done => setTimeout(done, 100));
            document.removeEventListener("securitypolicyviolation", note);
            place.remove();
            return found;
        }""",
        [html, awaited],
    )
    return found


@dataclass(frozen=True)
class Attacker:
    """A site of somebody else, under two names: `localhost` is another site, `127.0.0.1` only another origin."""

    port: int

    def address(self, host: str) -> str:
        return f"http://{host}:{self.port}/"


@asynccontextmanager
async def attacking(page: str) -> AsyncIterator[Attacker]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(page.encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield Attacker(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


_FORM = """<!doctype html><link rel=icon href=data:,><title>x</title>
<form method=post action="{action}" target=frame>{fields}</form>
<iframe name=frame></iframe>
<script>
  fetch("{action}", {{method: "POST", mode: "no-cors", credentials: "include", headers: {{
    "Content-Type": "application/x-www-form-urlencoded"}}, body: "{body}"}}).catch(() => 0)
    .then(() => document.forms[0].submit());
</script>"""


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
async def test_x27_no_form_of_another_origin_changes_anything(fresh: Panel, open_tab: OpenTab, host: str) -> None:
    task = await fresh.queued("KP125706548L")
    study = await fresh.published(await fresh.queued("KP125706549L"))
    tab = await open_tab()
    await sign_in(tab.page, fresh, panel.ADMINISTRATOR)
    targets = {
        f"/queue/{task.task_id}/cancel": "",
        f"/studies/{study.study_id}/withdraw": "",
        f"/studies/{study.study_id}/pin": "pin=0000",
        f"/studies/{study.study_id}/report": "accepted=1&text=evil",
        "/admin/users": "name=evil&role=administrator&password=a very evil password",
        f"/admin/users/{panel.REGISTRATOR}/disable": "",
        "/admin/settings": "default_days=1",
        "/logout": "",
        "/login": f"name={panel.REGISTRATOR}&password={panel.PASSWORD}",
        "/language": "code=en&back=/",
        f"/s/{study.token}": "pin=0000",
    }
    for path, body in targets.items():
        answers = await _attacked(tab, fresh.address + path, body, host)
        # Another site's form does not even carry the session: it is led to the login page.
        assert answers <= ({303, 403} if host == "localhost" else {403}), path
    await tab.page.goto(f"{fresh.address}/admin/users")
    await expect(tab.page.locator("html")).to_have_attribute("lang", "ru")
    await expect(tab.page.locator("[data-user]")).to_have_count(3)
    await expect(tab.page.locator(".menu-name")).to_have_text(panel.ADMINISTRATOR)
    async with fresh.database.transaction() as tx:
        kept = await tasks.find(tx, task.task_id, clinic_code=None)
        assert [user.name for user in await people.users(tx) if user.disabled_at] == []
    assert kept is not None
    assert kept.status is not Status.CANCELLED
    await tab.page.goto(f"{fresh.address}/s/{study.token}")
    await expect(tab.page.locator("a.primary")).to_be_visible()


async def _attacked(tab: Tab, action: str, body: str, host: str) -> set[int]:
    """Open the attacker's page; return how its form and its fetch were answered."""
    fields = "".join(
        f"<input name={name} value='{value}'>" for name, _, value in (pair.partition("=") for pair in body.split("&"))
    )
    answers: list[int] = []
    sent: list[str] = []
    tab.page.on("request", lambda asked: sent.append(asked.resource_type) if asked.method == "POST" else None)
    tab.page.on("response", lambda answer: answers.append(answer.status) if answer.request.method == "POST" else None)
    async with (
        attacking(_FORM.format(action=action, fields=fields, body=body)) as attacker,
        tab.page.expect_response(
            lambda answer: answer.request.method == "POST" and answer.request.resource_type == "document"
        ),
    ):
        await tab.page.goto(attacker.address(host))
    assert sent == ["fetch", "document"]
    return set(answers)


async def test_x27_looking_changes_nothing(full: Panel, open_tab: OpenTab) -> None:
    tab = await open_tab()
    await sign_in(tab.page, full, panel.ADMINISTRATOR)
    async with full.database.transaction() as tx:
        before = await audit.count(tx)
    for name in ("queue", "studies", "publish/new", "admin/users", "admin/keys", "admin/settings", "admin/audit"):
        await tab.page.goto(f"{full.address}/{name}")
    async with full.database.transaction() as tx:
        assert await audit.count(tx) == before


async def test_x29_the_back_button_shows_nothing_after_signing_out(full: Panel, open_tab: OpenTab) -> None:
    tab = await open_tab()
    await sign_in(tab.page, full)
    await tab.page.goto(f"{full.address}/studies")
    await tab.page.locator(".menu summary").click()
    await tab.page.get_by_role("button", name="Выйти").click()
    await tab.page.wait_for_url("**/login")
    await tab.page.go_back()
    await expect(tab.page.locator("[data-study-id]")).to_have_count(0)
    assert "/login" in tab.page.url


async def test_x31_x32_a_link_is_passed_on_and_opened_without_scripts_and_without_others(
    fresh: Panel, open_tab: OpenTab
) -> None:
    study = await fresh.published(await fresh.queued("KP125706548L"))
    await pin.set_pin(fresh.database, study.study_id, "271828", actor="test", clinic_code=None)
    tab = await open_tab(scripts=False)
    await tab.page.goto(f"{fresh.address}/s/{study.token}")
    await expect(tab.page.locator("h1")).to_have_text("Введите ПИН-код")
    await tab.page.fill("[name=pin]", "000000")
    await tab.page.keyboard.press("Enter")
    await expect(tab.page.locator("#fault-pin")).to_contain_text("ПИН-код не подходит")
    await tab.page.fill("[name=pin]", "271828")
    await tab.page.keyboard.press("Enter")
    await expect(tab.page.locator("h1")).to_have_text("Компьютерная томография")
    await tab.page.get_by_text("Отправить врачу").click()
    await expect(tab.page.locator(".address a")).to_have_attribute("href", f"{fresh.address}/s/{study.token}")
    await tab.page.get_by_text("Открыть на другом устройстве").click()
    await expect(tab.page.locator("img.qr")).to_be_visible()
    tab.failed_requests = [line for line in tab.failed_requests if not line.endswith(" 422")]
    tab.console_errors = [line for line in tab.console_errors if "422" not in line]
    assert_clean(tab, fresh)
    assert study.token not in " ".join(tab.referers)
