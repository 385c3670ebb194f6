"""What operations watch: does it live, is it ready, how much does it do."""

from typing import Any

from litestar import Request, Response, get
from litestar.datastructures import State

from studypub.errors import Sentence
from studypub.flows.examine.probes import PARAMETER, Seen
from studypub.metrics import MEDIA_TYPE
from studypub.web.client import is_loopback, is_within
from studypub.web.errors import Problem
from studypub.web.given import GivenParts
from studypub.web.parts import Parts

_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
_NOTHING = Sentence("Здесь ничего нет. Проверьте адрес.", "There is nothing here. Check the address.")


@get("/healthz")
async def healthz(request: Request[Any, Any, Any], parts: GivenParts) -> dict[str, str]:
    """Tell that the process lives; what an examination has sent is looked at, and the answer is the same."""
    nonce = request.query_params.get(PARAMETER)
    if nonce:
        parts.probes.note(nonce, _seen(request, parts))
    return {"status": "ok"}


@get("/readyz")
async def readyz(parts: GivenParts) -> Response[dict[str, Any]]:
    """Tell whether everything that the work needs is usable, and what is not."""
    found = await parts.readiness()
    ready = all(trouble is None for trouble in found.values())
    document = {
        "status": "ready" if ready else "not ready",
        "parts": {name: trouble or "ok" for name, trouble in found.items()},
    }
    return Response(document, status_code=200 if ready else 503)


@get("/metrics")
async def metrics(request: Request[Any, Any, Any], parts: GivenParts, state: State) -> Response[bytes]:
    """Tell Prometheus, on this machine only: 404 to other machines and to whatever came through a proxy."""
    if not _came_from_here(request):
        raise Problem(404, _NOTHING)
    page = parts.metrics.page(await state.readings())
    return Response(page, headers={"Content-Type": MEDIA_TYPE})


def _seen(request: Request[Any, Any, Any], parts: Parts) -> Seen:
    peer, headers = request.client.host if request.client else "", request.headers
    return Seen(
        peer=peer,
        is_trusted=is_within(peer, parts.config.server.trusted_proxies),
        scheme=request.scope["scheme"],
        forwarded_for=headers.get("x-forwarded-for"),
        forwarded_proto=headers.get("x-forwarded-proto"),
        range=headers.get("range"),
        is_forwarded=any(name in headers for name in _FORWARDED),
    )


def _came_from_here(request: Request[Any, Any, Any]) -> bool:
    peer = request.client.host if request.client else ""
    return is_loopback(peer) and not any(name in request.headers for name in _FORWARDED)


routes = (healthz, readyz, metrics)
