"""Builds the web application: one route table, and what holds for every route."""

from typing import Any

from litestar import Litestar, Request
from litestar.datastructures import State
from litestar.di import Provide

from studypub.core.people import ApiKey
from studypub.db.people import Session
from studypub.errors import Sentence
from studypub.web import static
from studypub.web.errors import Problem, answer_error
from studypub.web.guards import SignInNeeded, ask_to_sign_in
from studypub.web.headers import SecurityHeaders
from studypub.web.language import Language, language_of
from studypub.web.pages import (
    admin_audit,
    admin_keys,
    admin_settings,
    admin_users,
    language,
    link,
    login,
    publish_new,
    queue,
    studies,
)
from studypub.web.parts import Parts

LARGEST_BODY = 1 << 20  # bytes

# The one route table.
ROUTES = (
    static.static_file,
    *login.routes,
    *queue.routes,
    *studies.routes,
    *publish_new.routes,
    *admin_users.routes,
    *admin_keys.routes,
    *admin_settings.routes,
    *admin_audit.routes,
    *language.routes,
    *link.routes,
)

_COMPRESSED = Sentence("Сжатые запросы не принимаются.", "Compressed requests are not accepted.")


def create_app(parts: Parts) -> Litestar:
    """Return the application over these parts."""
    return Litestar(
        route_handlers=ROUTES,
        state=State({"parts": parts}),
        dependencies={
            "parts": Provide(_parts, sync_to_thread=False),
            "session": Provide(_session, sync_to_thread=False),
            "api_key": Provide(_api_key, sync_to_thread=False),
            "language": Provide(_language, sync_to_thread=False),
        },
        before_request=refuse_compressed,
        before_send=[SecurityHeaders(parts.config.server)],
        exception_handlers={SignInNeeded: ask_to_sign_in, Exception: answer_error},
        request_max_body_size=LARGEST_BODY,
        openapi_config=None,
        logging_config=None,
        debug=False,
    )


async def refuse_compressed(request: Request[Any, Any, Any]) -> None:
    """Refuse a compressed body: a few kilobytes could unfold to gigabytes."""
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise Problem(415, _COMPRESSED, headers={"Accept-Encoding": "identity"})


def _parts(state: State) -> Parts:
    parts: Parts = state.parts
    return parts


def _session(request: Request[Any, Any, Any]) -> Session:
    session: Session = request.state.session
    return session


def _api_key(request: Request[Any, Any, Any]) -> ApiKey:
    key: ApiKey = request.state.api_key
    return key


def _language(request: Request[Any, Any, Any]) -> Language:
    return language_of(request)
