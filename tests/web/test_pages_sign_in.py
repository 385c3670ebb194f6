"""Signing in and out, and what a person who has not signed in is shown."""

import pytest
from tests.peers import html, panel, person
from tests.web.conftest import BASE_URL, Site

PANEL_PAGES = ("/", "/queue", "/queue/lines", "/studies", "/publish/new", "/admin", "/admin/users", "/admin/keys")


@pytest.fixture
async def peopled(site: Site) -> Site:
    await panel.add_people(site.database)
    return site


async def test_first_field_has_the_focus(peopled: Site) -> None:
    page = await person.stranger(peopled.app, BASE_URL).page("/login")
    assert [field.attributes["name"] for field in page.all("input") if "autofocus" in field.attributes] == ["name"]


async def test_wrong_password_is_told_in_words_and_opens_nothing(peopled: Site) -> None:
    somebody = person.stranger(peopled.app, BASE_URL)
    for name, password in (("admin", "wrong"), ("nobody", panel.PASSWORD), ("", "")):
        response = await somebody.client.post("/login", data={"name": name, "password": password})
        assert response.status_code == 401
        assert "set-cookie" not in response.headers
        page = html.read(response.text)
        assert "Имя или пароль не подходят" in page.one(id="fault-password").text
        assert page.one("input", name="name").attributes["value"] == name
        assert "value" not in page.one("input", name="password").attributes


@pytest.mark.parametrize(
    ("asked", "led"),
    [
        ("/studies?q=1", "/studies?q=1"),
        ("", "/queue"),
        ("https://evil.example", "/queue"),
        ("//evil.example", "/queue"),
    ],
)
async def test_signing_in_leads_on_within_this_site(peopled: Site, asked: str, led: str) -> None:
    somebody = person.stranger(peopled.app, BASE_URL)
    fields = {"name": "admin", "password": panel.PASSWORD, "next": asked}
    response = await somebody.client.post("/login", data=fields)
    assert response.status_code == 303
    assert response.headers["location"] == led
    assert (await somebody.get("/login?next=/studies")).headers["location"] == "/studies"


@pytest.mark.parametrize("path", PANEL_PAGES)
async def test_a_stranger_is_led_to_the_login_page(peopled: Site, path: str) -> None:
    response = await person.stranger(peopled.app, BASE_URL).get(path)
    assert response.status_code == 303
    assert response.headers["location"].startswith("/login?next=/")


async def test_a_poll_without_session_moves_the_whole_page(peopled: Site) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": f"{BASE_URL}/queue"}
    response = await person.stranger(peopled.app, BASE_URL).get("/queue/lines", **headers)
    assert response.status_code == 401
    assert response.headers["hx-redirect"] == "/login?next=/queue"


async def test_signing_out_ends_the_session(peopled: Site) -> None:
    somebody = await person.signed_in(peopled.app, BASE_URL, panel.REGISTRATOR)
    kept = dict(somebody.client.cookies)
    response = await somebody.post("/logout")
    assert response.headers["location"] == "/login"
    assert response.headers["clear-site-data"] == '"cache"'
    somebody.client.cookies.update(kept)
    assert (await somebody.get("/queue")).status_code == 303


async def test_a_form_of_another_site_signs_nobody_in_or_out(peopled: Site) -> None:
    foreign = {"Sec-Fetch-Site": "cross-site"}
    somebody = await person.signed_in(peopled.app, BASE_URL, panel.REGISTRATOR)
    fields = {"name": "admin", "password": panel.PASSWORD}
    assert (await somebody.client.post("/login", data=fields, headers=foreign)).status_code == 403
    assert (await somebody.client.post("/logout", data={})).status_code == 403
    assert (await somebody.get("/queue")).status_code == 200


async def test_language_is_chosen_by_browser_or_by_button(peopled: Site) -> None:
    english = person.stranger(peopled.app, BASE_URL, "en-GB,en;q=0.9")
    page = await english.page("/login")
    assert page.one("html").attributes["lang"] == "en"
    assert page.one("h1").text == "Sign in"
    response = await english.client.post("/language", data={"code": "ru", "back": "/login"})
    assert response.headers["location"] == "/login"
    assert (await english.page("/login")).one("h1").text == "Вход"
    response = await english.client.post("/language", data={"code": "xx", "back": "https://evil.example"})
    assert response.headers["location"] == "/"
    assert "set-cookie" not in response.headers
