"""Somebody signs in with a provider of OpenID Connect: led there with a question, back with a code, and let in."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from studypub.config import Current, Oidc
from studypub.core import ids, sign_on, tokens
from studypub.core.people import User
from studypub.core.sign_on import Begun, Known
from studypub.core.throttle import ADDRESS, network_of
from studypub.core.tokens import Claims, Keys
from studypub.db import audit, people
from studypub.db.database import Database, Transaction
from studypub.errors import ProviderUnavailable, Sentence, SignOnRefused, TokenRefused
from studypub.flows import provider, sign_in, tries
from studypub.flows.sign_in import SignedIn

log = logging.getLogger(__name__)

_ACTOR: Final = "system:oidc"
_RETURN = "/login/oidc/callback"


@dataclass(frozen=True, slots=True)
class Led:
    """Where the browser goes, and what it keeps meanwhile."""

    address: str
    cookie: str


class SignOn:
    """The way by the provider of [oidc]."""

    def __init__(self, settings: Oidc, current: Current, database: Database) -> None:
        self.settings, self._database, self._current = settings, database, current
        self._base_url = current.file.server.base_url
        self._provider = provider.of_people(settings)

    async def begin(self, going_to: str) -> Led:
        """Return where to ask who somebody is. Raises ProviderUnavailable, DatabaseUnavailable."""
        metadata = await self._provider.metadata()
        async with self._database.transaction() as tx:
            begun = sign_on.begin(await tx.now(), going_to)
        address = sign_on.authorization_address(self.settings, metadata, begun, self._redirect_uri)
        return Led(address, sign_on.sealed(begun, self.settings.client_secret))

    async def finish(self, cookie: str, brought: Mapping[str, str], address: str) -> tuple[SignedIn, str]:
        """Let in who comes back, and return where they wanted to go.

        Raises SignOnRefused, TooManyTries, ProviderUnavailable, DatabaseUnavailable.
        """
        async with self._database.transaction() as tx:
            begun = sign_on.unsealed(cookie, self.settings.client_secret, await tx.now())
        if begun is None or not ids.same(brought.get("state", ""), begun.state):
            raise _refused("stale", _STALE)
        # RFC 9207: whose answer this is, where the provider says so.
        if brought.get("iss", self.settings.issuer) != self.settings.issuer or not brought.get("code"):
            raise _refused(f"denied {brought.get('error', '')[:40]}".strip(), _DENIED)
        # Not before: what another site makes a browser ask for must not use up the tries of a whole clinic.
        counted: tries.Counted = [(ADDRESS, network_of(address))] if address else []
        await tries.spend(self._database, counted)
        claims = await self._claims(begun, brought["code"])
        signed_in = await self._let_in(claims, counted)
        return signed_in, begun.going_to

    async def leaving_address(self) -> str | None:
        """Return where somebody signs out at the provider too; None where that cannot be said now."""
        try:
            metadata = await self._provider.metadata()
        except ProviderUnavailable:
            return None
        return sign_on.leaving_address(self.settings, metadata, f"{self._base_url}/login")

    @property
    def _redirect_uri(self) -> str:
        return f"{self._base_url}{_RETURN}"

    async def _claims(self, begun: Begun, code: str) -> Claims:
        """Take the ID token for the code, and read it."""
        metadata = await self._provider.metadata()
        body, headers = sign_on.token_request(self.settings, metadata, begun, code, self._redirect_uri)
        answer = await self._provider.post(metadata.token_endpoint, body, headers)
        given = _object(answer.body)
        if answer.status in {400, 401} and given.get("error") == "invalid_grant":
            raise _refused("code", _STALE)
        if answer.status != 200 or not isinstance(given.get("id_token"), str):
            what = f"HTTP {answer.status} {str(given.get('error', ''))[:40]}".strip()
            raise self._provider.unavailable(f"код не обменян на токен ({what})", f"no token for the code ({what})")
        async with self._database.transaction() as tx:
            now = await tx.now()

        def read(token: str, keys: Keys) -> Claims:
            claims = tokens.read_id_token(
                token,
                keys,
                issuer=self.settings.issuer,
                client_id=self.settings.client_id,
                nonce=begun.nonce,
                access_token=str(given.get("access_token") or ""),
                now=now,
            )
            sign_on.subject_of(claims)
            return claims

        try:
            return await self._provider.read(given["id_token"], read)
        except TokenRefused as error:
            async with self._database.transaction() as tx:
                await audit.append(tx, _ACTOR, "user.sign_on_refused", "", reason=f"token: {error}")
            raise _refused("token", _NOT_BELIEVED) from error

    async def _let_in(self, claims: Claims, counted: tries.Counted) -> SignedIn:
        """Open a session for somebody who has proven who they are; what stands in the way is written down."""
        refusal: SignOnRefused
        async with self._database.transaction() as tx:
            try:
                user = await self._account(tx, sign_on.known(claims, self.settings, self._current.now.by_code))
            except SignOnRefused as error:
                refusal = error
                await self._note_refusal(tx, claims, error)
            else:
                await tries.forgive(tx, counted)
                return await sign_in.opened(tx, user)
        raise refusal

    async def _note_refusal(self, tx: Transaction, claims: Claims, refusal: SignOnRefused) -> None:
        """Write it down; the account's sessions end: the provider has just said that nobody vouches for it now."""
        user = await people.known_user(tx, self.settings.issuer, sign_on.subject_of(claims))
        if user is not None:
            await people.end_sessions(tx, user.user_id)
        name = user.name if user else sign_on.name_of(claims, self.settings)
        await audit.append(tx, _ACTOR, "user.sign_on_refused", name, reason=refusal.why)

    async def _account(self, tx: Transaction, person: Known) -> User:
        """Return somebody's account, made if need be, with the role and the clinic that they have now."""
        found = await people.known_user(tx, person.issuer, person.subject) or await self._added(tx, person)
        if found.disabled_at is not None:
            raise _refused("disabled", _DISABLED)
        if (found.role, found.clinic_code) == (person.role, person.clinic_code):
            return found
        changed = await people.set_role(tx, found.user_id, person.role, clinic_code=person.clinic_code)
        told = {"role": person.role.value, "clinic_code": person.clinic_code}
        await audit.append(tx, _ACTOR, "user.role_set", changed.name, **told)
        return changed

    async def _added(self, tx: Transaction, person: Known) -> User:
        for name in sign_on.names(person):
            user = await people.add_known_user(
                tx,
                name,
                person.role,
                clinic_code=person.clinic_code,
                issuer=person.issuer,
                subject=person.subject,
            )
            if user is not None:
                told = {"role": person.role.value, "clinic_code": person.clinic_code}
                await audit.append(tx, _ACTOR, "user.added", user.name, **told)
                return user
            # The name is another's; or they came twice at once, and the other was quicker.
            if quicker := await people.known_user(tx, person.issuer, person.subject):
                return quicker
        raise _refused("name", _NO_NAME)


_STALE = Sentence(
    "Вход не завершён: страница устарела, или вход начат в другой вкладке. Начните заново.",
    "Sign-in was not completed: the page is out of date, or it was begun in another tab. Begin anew.",
)
_DENIED = Sentence(
    "Служба входа не подтвердила, кто вы. Начните заново; если не поможет, обратитесь к администратору.",
    "The sign-in service did not confirm who you are. Begin anew; if it does not help, ask the administrator.",
)
_NOT_BELIEVED = Sentence(
    "Ответ службы входа не прошёл проверку. Сообщите администратору: причина записана в журнал действий.",
    "The sign-in service’s answer did not stand the check. Tell the administrator: the audit log has the reason.",
)
_DISABLED = Sentence(
    "Ваша учётная запись здесь отключена. Обратитесь к администратору.",
    "Your account is disabled here. Ask the administrator.",
)
_NO_NAME = Sentence(
    "Учётную запись с вашим именем завести не удалось. Обратитесь к администратору.",
    "No account could be made by your name. Ask the administrator.",
)


def _refused(why: str, sentence: Sentence) -> SignOnRefused:
    return SignOnRefused(why, reason_ru=sentence.ru, reason_en=sentence.en)


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
