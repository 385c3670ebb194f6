"""Builds the web application: one route table, and what holds for every route."""

from dataclasses import replace
from typing import Any

from litestar import Litestar, Request
from litestar.datastructures import State

from studypub.config import Current
from studypub.core.clinics import EVERY_CLINIC, NO_CLINIC
from studypub.errors import Sentence
from studypub.flows.companion import Companions
from studypub.flows.draw import Easel
from studypub.flows.prepared import Prepared
from studypub.flows.readings import Readings
from studypub.flows.service_tokens import ServiceTokens
from studypub.flows.sign_on import SignOn
from studypub.flows.view import Views
from studypub.viewer.installed import Installed, folders
from studypub.web import static, viewer
from studypub.web.allowance import Allowance
from studypub.web.api import batch, fhir, operations, publish, report, schema, task
from studypub.web.api.dicomweb import routes as dicomweb
from studypub.web.errors import Problem, answer_error
from studypub.web.given import PROVIDERS
from studypub.web.guards import SecondFactorNeeded, SignInNeeded, ask_for_second_factor, ask_to_sign_in
from studypub.web.headers import SecurityHeaders
from studypub.web.pages import (
    admin_audit,
    admin_clinics,
    admin_keys,
    admin_outbox,
    admin_rights,
    admin_second_factor,
    admin_settings,
    admin_state,
    admin_users,
    download,
    language,
    link,
    link_report,
    login,
    login_code,
    login_oidc,
    logo,
    preview,
    publish_new,
    publish_received,
    queue,
    review,
    security,
    setup,
    studies,
    studies_selected,
    study,
    study_pin,
    study_report,
    task_send,
    view,
)
from studypub.web.parts import Parts
from studypub.web.patience import patient
from studypub.web.shared import Shared
from studypub.web.timing import Timing, stamped

LARGEST_BODY = 1 << 20  # bytes

# The one route table.
ROUTES = (
    # programs
    *publish.routes,
    *batch.routes,
    *task.routes,
    *report.routes,
    *fhir.routes,
    *schema.routes,
    *operations.routes,
    # patients
    *link.routes,
    *link_report.routes,
    *logo.routes,
    *download.routes,
    *dicomweb.routes,
    *preview.routes,
    *view.routes,
    # people of the clinic
    *login.routes,
    *login_code.routes,
    *login_oidc.routes,
    *setup.routes,
    *queue.routes,
    *task_send.routes,
    *publish_received.routes,
    *review.routes,
    *studies.routes,
    *studies_selected.routes,
    *study.routes,
    *study_pin.routes,
    *study_report.routes,
    *publish_new.routes,
    *security.routes,
    *admin_users.routes,
    *admin_second_factor.routes,
    *admin_keys.routes,
    *admin_outbox.routes,
    *admin_rights.routes,
    *admin_clinics.routes,
    *admin_settings.routes,
    *admin_audit.routes,
    *admin_state.routes,
    *language.routes,
    # what pages are made of
    *static.routes,
    *viewer.routes,
)

_COMPRESSED = Sentence("Сжатые запросы не принимаются.", "Compressed requests are not accepted.")


def create_app(parts: Parts, current: Current | None = None) -> Litestar:
    """Return the application over these parts; of its own accord it sees no clinic's rows.

    `current`: where the configuration may be replaced meanwhile; each request has the one that held when it came.
    """
    current = current or Current(parts.config)
    config = current.file
    allowance = Allowance(config.server.api_requests_per_minute)
    companions = Companions(parts.store)
    views = Views(parts.store, companions)
    easel = Easel(views)
    return Litestar(
        route_handlers=ROUTES,
        state=State(
            {
                "parts": replace(parts, database=parts.database.seeing(NO_CLINIC)),
                "allowance": allowance,
                "current": current,
                "tokens": ServiceTokens(current, parts.database),
                "sign_on": SignOn(config.oidc, current, parts.database.seeing(EVERY_CLINIC)) if config.oidc else None,
                "readings": Readings(current, parts.database.seeing(EVERY_CLINIC)),
                "views": views,
                "prepared": Prepared(companions),
                "easel": easel,
                "companions": companions,
                "shared": Shared(),
                "viewer": Installed(folders(config.database.data_dir)),
            }
        ),
        dependencies=PROVIDERS,
        on_shutdown=[easel.close],
        middleware=[stamped, patient],
        before_request=refuse_compressed,
        before_send=[SecurityHeaders(config.server), Timing(parts.metrics)],
        exception_handlers={
            SignInNeeded: ask_to_sign_in,
            SecondFactorNeeded: ask_for_second_factor,
            Exception: answer_error,
        },
        request_max_body_size=LARGEST_BODY,
        openapi_config=None,
        logging_config=None,
        debug=False,
    )


async def refuse_compressed(request: Request[Any, Any, Any]) -> None:
    """Refuse a compressed body: a few kilobytes could unfold to gigabytes."""
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise Problem(415, _COMPRESSED, headers={"Accept-Encoding": "identity"})
