"""Puts the security headers on every answer, errors included."""

from collections.abc import Mapping

from litestar.datastructures import MutableScopeHeaders
from litestar.types import Message, Scope

from studypub.config import Server

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_EVERYWHERE = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_YEAR_SECONDS = 31_536_000


class SecurityHeaders:
    """A hook for Litestar's `before_send`; what a handler has set itself stays."""

    def __init__(self, server: Server) -> None:
        self._everywhere = dict(_EVERYWHERE)
        if server.is_https:
            self._everywhere["Strict-Transport-Security"] = f"max-age={_YEAR_SECONDS}"

    async def __call__(self, message: Message, scope: Scope) -> None:
        """Complete the headers of a response that begins."""
        if message["type"] != "http.response.start":
            return
        message.setdefault("headers", [])
        headers = MutableScopeHeaders.from_message(message)
        for name, value in {**self._everywhere, **_by_path(scope["path"])}.items():
            headers.setdefault(name, value)


def _by_path(path: str) -> Mapping[str, str]:
    if path.startswith("/static/"):
        return {"Referrer-Policy": "same-origin"}
    return {
        # A link's token must not travel on to whatever the page leads to.
        "Referrer-Policy": "no-referrer" if path.startswith(("/s/", "/setup/")) else "same-origin",
        "X-Robots-Tag": "noindex, noarchive, nosnippet",
    }
