"""What a handler may ask for by name: `parts: GivenParts`, `session: GivenSession`, and so on."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from litestar import Request
from litestar.datastructures import State
from litestar.di import NamedDependency, Provide
from litestar.exceptions import NotFoundException

from studypub.config import Current
from studypub.core.people import Program
from studypub.core.rights import Right
from studypub.db.people import Session
from studypub.flows.companion import Companions
from studypub.flows.draw import Easel
from studypub.flows.prepared import Prepared
from studypub.flows.sign_on import SignOn
from studypub.flows.view import Views
from studypub.viewer.installed import Installed
from studypub.web.language import Language, language_of
from studypub.web.parts import Parts
from studypub.web.rights import rights_of
from studypub.web.shared import Shared

GivenParts = NamedDependency[Parts]
GivenCurrent = NamedDependency[Current]
GivenCompanions = NamedDependency[Companions]
GivenSession = NamedDependency[Session]  # of whoever the guard `signed_in` has let in
GivenRights = NamedDependency[frozenset[Right]]  # what that person may do
GivenApiKey = NamedDependency[Program]  # that `with_api_key` has let in
GivenNow = NamedDependency[datetime]  # the database's time when `with_api_key` has asked it
GivenLanguage = NamedDependency[Language]
GivenPrepared = NamedDependency[Prepared]
GivenEasel = NamedDependency[Easel]
GivenViews = NamedDependency[Views]
GivenSignOn = NamedDependency[SignOn]  # where there is a provider
GivenViewer = NamedDependency[Installed]
GivenShared = NamedDependency[Shared]


def _parts(request: Request[Any, Any, Any], state: State) -> Parts:
    """Return the parts: the configuration as it is now, and the database as whom the guards have let in may see it.

    Without a guard nobody sees anything.
    """
    parts: Parts = replace(state.parts, config=state.current.now)
    session: Session | None = request.state.get("session")
    key: Program | None = request.state.get("api_key")
    if session is not None:
        return replace(parts, database=parts.database.seeing(session.user.sees))
    if key is not None:
        return replace(parts, database=parts.database.seeing(key.sees))
    return parts


def _current(state: State) -> Current:
    current: Current = state.current
    return current


def _companions(state: State) -> Companions:
    companions: Companions = state.companions
    return companions


def _session(request: Request[Any, Any, Any]) -> Session:
    session: Session = request.state.session
    return session


async def _rights(request: Request[Any, Any, Any]) -> frozenset[Right]:
    return await rights_of(request)


def _api_key(request: Request[Any, Any, Any]) -> Program:
    key: Program = request.state.api_key
    return key


def _now(request: Request[Any, Any, Any]) -> datetime:
    now: datetime = request.state.now
    return now


def _language(request: Request[Any, Any, Any]) -> Language:
    return language_of(request)


def _sign_on(state: State) -> SignOn:
    if state.sign_on is None:
        raise NotFoundException
    sign_on: SignOn = state.sign_on
    return sign_on


def _views(state: State) -> Views:
    views: Views = state.views
    return views


def _prepared(state: State) -> Prepared:
    prepared: Prepared = state.prepared
    return prepared


def _easel(state: State) -> Easel:
    easel: Easel = state.easel
    return easel


def _viewer(state: State) -> Installed:
    viewer: Installed = state.viewer
    return viewer


def _shared(state: State) -> Shared:
    shared: Shared = state.shared
    return shared


PROVIDERS = {
    "shared": Provide(_shared, sync_to_thread=False),
    "viewer": Provide(_viewer, sync_to_thread=False),
    "sign_on": Provide(_sign_on, sync_to_thread=False),
    "views": Provide(_views, sync_to_thread=False),
    "prepared": Provide(_prepared, sync_to_thread=False),
    "easel": Provide(_easel, sync_to_thread=False),
    "current": Provide(_current, sync_to_thread=False),
    "parts": Provide(_parts, sync_to_thread=False),
    "companions": Provide(_companions, sync_to_thread=False),
    "session": Provide(_session, sync_to_thread=False),
    "rights": Provide(_rights),
    "api_key": Provide(_api_key, sync_to_thread=False),
    "now": Provide(_now, sync_to_thread=False),
    "language": Provide(_language, sync_to_thread=False),
}
