"""A small provider of OpenID Connect by authlib: discovery, authorization, tokens, keys; a test says who signs in."""

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from authlib.oauth2 import AuthorizationServer, OAuth2Error, OAuth2Request
from authlib.oauth2.rfc6749 import ClientMixin, grants
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core.grants import OpenIDCode
from authlib.oidc.core.models import AuthorizationCodeMixin
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey

CLIENT_ID, CLIENT_SECRET = "studypub", "the panel's secret: for tests"
Claims = dict[str, Any]


@cache
def rsa_key(kid: str) -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": kid, "use": "sig"})


@cache
def ec_key(kid: str) -> ECKey:
    return ECKey.generate_key("P-256", {"kid": kid, "use": "sig"})


def raw(header: Claims, claims: Claims, signature: bytes = b"") -> str:
    """Return a token of any header, signed by nobody or anyhow."""
    parts = (json.dumps(header).encode(), json.dumps(claims).encode(), signature)
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


@dataclass
class Client(ClientMixin):  # type: ignore[misc]
    """The panel, as it is registered."""

    redirect_uri: str

    def get_client_id(self) -> str:
        return CLIENT_ID

    def get_default_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_allowed_scope(self, scope: str) -> str:
        return scope

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri == self.redirect_uri

    def check_client_secret(self, client_secret: str) -> bool:
        return client_secret == CLIENT_SECRET

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return endpoint == "token" and method in {"client_secret_basic", "client_secret_post"}

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "authorization_code"


@dataclass
class Code(AuthorizationCodeMixin):  # type: ignore[misc]
    """A code that was given out."""

    redirect_uri: str
    scope: str
    nonce: str
    code_challenge: str
    code_challenge_method: str

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def get_nonce(self) -> str:
        return self.nonce

    def get_auth_time(self) -> int:
        return int(time.time())

    def get_acr(self) -> None: ...

    def get_amr(self) -> None: ...


@dataclass
class Provider:
    """What it knows, whom it vouches for, and what was asked of it."""

    issuer: str = ""
    redirect_uri: str = ""
    person: Claims = field(default_factory=dict)
    keys: list[RSAKey | ECKey] = field(default_factory=lambda: [rsa_key("first"), ec_key("curve")])
    codes: dict[str, Code] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    metadata: Claims = field(default_factory=dict)
    forge: Callable[[Claims], str] | None = None
    """What is given out in place of a right ID token of these claims."""

    def mint(self, claims: Claims, *, alg: str = "RS256", key: RSAKey | ECKey | None = None, **header: str) -> str:
        """Return a token of these claims; `header` beside alg and kid."""
        signer = key or self.keys[1 if alg == "ES256" else 0]
        return jwt.encode({"alg": alg, "kid": signer.kid, **header}, dict(claims), signer, [alg])

    def program(self, **claims: object) -> Claims:
        """Return the claims of a program's token."""
        now = int(time.time())
        usual = {"iss": self.issuer, "sub": "mis", "aud": ["studypub-mis"], "iat": now, "exp": now + 300}
        return {**usual, "scope": "openid studypub", "clinic": "f_Khimki", **claims}

    def count(self, path: str) -> int:
        return self.asked.count(path)


class _Request(OAuth2Request):  # type: ignore[misc]
    def __init__(self, method: str, path: str, fields: dict[str, str], headers: Message) -> None:
        # Whoever stands before it speaks TLS.
        super().__init__(method, f"https://provider{path}", headers=headers)
        self.payload = BasicOAuth2Payload(fields)
        self._fields = fields

    @property
    def args(self) -> dict[str, str]:
        return self._fields

    @property
    def form(self) -> dict[str, str]:
        return self._fields


class _Server(AuthorizationServer):  # type: ignore[misc]
    def __init__(self, provider: Provider) -> None:
        super().__init__()
        self.provider = provider
        self.register_token_generator("default", _bearer)

        class Grant(grants.AuthorizationCodeGrant):  # type: ignore[misc]
            TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic", "client_secret_post")

            def save_authorization_code(self, code: str, request: OAuth2Request) -> None:
                data = request.payload.data
                names = ("redirect_uri", "scope", "nonce", "code_challenge", "code_challenge_method")
                provider.codes[code] = Code(**{name: data[name] for name in names})

            def query_authorization_code(self, code: str, _client: Client) -> Code | None:
                return provider.codes.get(code)

            def delete_authorization_code(self, authorization_code: Code) -> None:
                for code in [code for code, known in provider.codes.items() if known is authorization_code]:
                    del provider.codes[code]

            def authenticate_user(self, _code: Code) -> Claims:
                return provider.person

        class Openid(OpenIDCode):  # type: ignore[misc]
            def exists_nonce(self, nonce: str, _request: OAuth2Request) -> bool:
                return any(code.nonce == nonce for code in provider.codes.values())

            def encode_id_token(self, _token: Claims, request: OAuth2Request) -> str:
                now = int(time.time())
                claims = {"iss": provider.issuer, "aud": CLIENT_ID, "azp": CLIENT_ID, "iat": now, "exp": now + 300}
                claims |= self.get_authorization_code_claims(request.authorization_code) | provider.person
                return provider.forge(claims) if provider.forge else provider.mint(claims)

        self.register_grant(Grant, [Openid(require_nonce=True), CodeChallenge(required=True)])

    def query_client(self, client_id: str) -> Client | None:
        return Client(self.provider.redirect_uri) if client_id == CLIENT_ID else None

    def save_token(self, token: Claims, request: OAuth2Request) -> None: ...

    def send_signal(self, *_: object, **__: object) -> None: ...

    def create_oauth2_request(self, request: _Request) -> _Request:
        return request

    def handle_response(self, status: int, body: object, headers: list[tuple[str, str]]) -> tuple[int, object, Any]:
        return status, body, headers


def _bearer(**_: object) -> Claims:
    return {"token_type": "Bearer", "access_token": "opaque", "expires_in": 300, "scope": "openid profile"}


@contextmanager
def providing(redirect_uri: str, **person: object) -> Iterator[Provider]:
    """Run one on loopback, where this person is signed in already."""
    provider = Provider(redirect_uri=redirect_uri, person=dict(person))
    server = _Server(provider)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            provider.asked.append(url.path)
            documents: dict[str, Callable[[], Claims]] = {
                "/.well-known/openid-configuration": lambda: _metadata(provider),
                "/jwks": lambda: dict(KeySet([*provider.keys]).as_dict(private=False)),
            }
            if url.path in documents:
                self._answer(200, documents[url.path](), [])
            elif url.path == "/authorize":
                request = _Request("GET", self.path, dict(parse_qsl(url.query)), self.headers)
                try:
                    grant = server.get_consent_grant(request, end_user=provider.person)
                    self._answer(*server.create_authorization_response(request, provider.person, grant))
                except OAuth2Error as error:
                    self._answer(400, dict(error.get_body()), [])
            else:
                self._answer(200, {"path": self.path}, [])

        def do_POST(self) -> None:
            provider.asked.append(self.path)
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            request = _Request("POST", self.path, dict(parse_qsl(body)), self.headers)
            self._answer(*server.create_token_response(request))

        def _answer(self, status: int, body: object, headers: list[tuple[str, str]]) -> None:
            content = json.dumps(body or {}).encode()
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **dict(headers)}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        provider.issuer = f"http://127.0.0.1:{listening.server_address[1]}"
        thread = threading.Thread(target=listening.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield provider
        finally:
            listening.shutdown()
            thread.join()


def _metadata(provider: Provider) -> Claims:
    ends = {name: f"{provider.issuer}/{path}" for name, path in _ENDS.items()}
    return {"issuer": provider.issuer, "response_types_supported": ["code"], **ends, **provider.metadata}


_ENDS = {
    "authorization_endpoint": "authorize",
    "token_endpoint": "token",
    "jwks_uri": "jwks",
    "end_session_endpoint": "leave",
}
