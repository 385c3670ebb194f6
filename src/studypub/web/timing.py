"""Counts every answer and measures how long it took to begin."""

import time

from litestar.types import ASGIApp, Message, Receive, Scope, Send

from studypub.metrics import Metrics

# What a path begins with, and who asks for that; a label for each route would be many, and a path holds tokens.
_AREAS = {
    "/s/": "patients",
    "/publish/new": "panel",
    "/publish": "programs",
    "/schema": "programs",
    "/healthz": "operations",
    "/readyz": "operations",
    "/metrics": "operations",
    "/static/": "static",
    "/logo/": "static",
}
_BEGAN = "studypub_began"


def stamped(app: ASGIApp) -> ASGIApp:
    """Return the application behind a note of when each request came."""

    async def note(scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"][_BEGAN] = time.perf_counter()
        await app(scope, receive, send)

    return note


class Timing:
    """A hook for Litestar's `before_send`; a long download is no slow answer."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    async def __call__(self, message: Message, scope: Scope) -> None:
        """Count a response that begins; of a path that nobody serves it is not known when it was asked for."""
        if message["type"] != "http.response.start":
            return
        self._metrics.answers.labels(f"{message['status'] // 100}xx").inc()
        began = scope["state"].get(_BEGAN)
        if began is not None:
            self._metrics.answer_seconds.labels(area_of(scope["path"])).observe(time.perf_counter() - began)


def area_of(path: str) -> str:
    """Return who asks for this path."""
    return next((area for beginning, area in _AREAS.items() if path.startswith(beginning)), "panel")
