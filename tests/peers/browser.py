"""Opens pages in Debian's Chromium and notes what went wrong in them."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Literal

import pytest
from playwright.async_api import Browser, ConsoleMessage, Error, Page, Request, Response, ViewportSize, async_playwright

DESKTOP = ViewportSize(width=1280, height=800)
PHONE = ViewportSize(width=390, height=844)

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@dataclass(eq=False)
class Tab:
    """A page in a browser context of its own, with its log."""

    page: Page
    console_errors: list[str] = field(default_factory=list)
    """Errors on the console and uncaught exceptions, Content-Security-Policy violations among them."""
    failed_requests: list[str] = field(default_factory=list)
    """Requests without an answer, and those answered 400 or above: `METHOD URL cause`."""
    referers: list[str] = field(default_factory=list)
    """The Referer of every request that had one."""
    requests: list[str] = field(default_factory=list)
    """The URL of everything asked for, so that a test can show that nothing left for another origin."""

    def listen(self) -> None:
        """Start to note."""
        self.page.on("console", self._note_console)
        self.page.on("pageerror", self._note_exception)
        self.page.on("request", self._note_request)
        self.page.on("requestfailed", self._note_failure)
        self.page.on("response", self._note_response)

    def _note_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.console_errors.append(message.text)

    def _note_exception(self, error: Error) -> None:
        self.console_errors.append(str(error))

    def _note_request(self, request: Request) -> None:
        self.requests.append(request.url)
        if "referer" in request.headers:
            self.referers.append(request.headers["referer"])

    def _note_failure(self, request: Request) -> None:
        if request.failure == "net::ERR_ABORTED":  # the page was left before its icon had come
            return
        self.failed_requests.append(f"{request.method} {request.url} {request.failure}")

    def _note_response(self, response: Response) -> None:
        if response.status >= 400:
            self.failed_requests.append(f"{response.request.method} {response.url} {response.status}")


OpenTab = Callable[..., Awaitable[Tab]]
"""`open_tab(viewport=DESKTOP, locale="ru-RU", colour_scheme="light", scripts=True)`."""


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One Chromium for the whole session; every tab has its own cookies."""
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        yield chromium
        await chromium.close()


@pytest.fixture
async def open_tab(browser: Browser) -> AsyncIterator[OpenTab]:
    """Return the function that opens a tab; they are closed when the test ends."""
    async with AsyncExitStack() as stack:

        async def open_one(
            *,
            viewport: ViewportSize = DESKTOP,
            locale: str = "ru-RU",
            colour_scheme: Literal["light", "dark"] = "light",
            scripts: bool = True,
        ) -> Tab:
            context = await browser.new_context(
                viewport=viewport,
                locale=locale,
                color_scheme=colour_scheme,
                timezone_id="Europe/Moscow",
                java_script_enabled=scripts,
                has_touch=viewport == PHONE,
                is_mobile=viewport == PHONE,
            )
            stack.push_async_callback(context.close)
            tab = Tab(await context.new_page())
            tab.listen()
            return tab

        yield open_one
