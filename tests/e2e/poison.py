"""Payloads in every field that a MIS, a registrator or a PACS can fill, past all checks."""

import itertools
from uuid import uuid4

from tests.peers import panel
from tests.peers.panel import HOUR, KHIMKI, Panel

from studypub.core.people import Role
from studypub.core.publication import Publication
from studypub.core.request import PublishRequest
from studypub.core.review import Held
from studypub.core.task import Event, Handled, LeftOut, Origin, Task
from studypub.db import audit, events, review, tasks
from studypub.errors import AmbiguousAccession, Sentence
from studypub.flows import sign_in as accounts

# Each leaves a mark where it comes to life: an element <i data-live>, window.live, a dialog, or a request.
PAYLOADS = [
    "<script>window.live=1</script><i data-live></i>",
    '"><img src=x onerror=window.live=1><i data-live>',
    "' onfocus=window.live=1 autofocus data-live x='",
    '" onmouseover="window.live=1" autofocus data-live x="',
    "</textarea></title></script><svg/onload=window.live=1><i data-live>",
    "<a data-live hx-get=/live hx-trigger=load>x</a>",
    "<div data-live hx-on:click='window.live=1' hx-vals='js:{a:window.live=1}'></div>",
    "<base href=//live.example><i data-live></i>",
    "<meta http-equiv=refresh content='0;url=//live.example'><i data-live></i>",
    "<iframe data-live srcdoc='<script>parent.live=1</script>'></iframe>",
    "<style>@import'//live.example/x'</style><i data-live></i>",
    "<form data-live action=//live.example><input name=csrf_token></form>",
    "javascript:window.live=1//<i data-live>",
    "{{ cycler.__init__.__globals__ }}{% raw %}<i data-live>",
    "%3Ci data-live%3E&lt;i data-live&gt;",
    "\u202e\u2028<i data-live></i>\u0085",
    '{"swap":"<i data-live>"}]}\'><i data-live>',
]
# What an accession number has room for.
SHORT = ["<i data-live>", '" data-live y=', "' data-live y="]
_NUMBERS = itertools.count()


async def poisoned(site: Panel, text: str) -> list[str]:
    """Put a payload into every field that a MIS, a registrator or a PACS can fill, past all checks.

    Returns the addresses of the pages that are about it alone.
    """
    await panel.add_user(site.database, f"{text[:50]}{uuid4().hex[:8]}", Role.REGISTRATOR, KHIMKI)
    key = await accounts.add_api_key(site.database, clinic_code=KHIMKI, name=text[:64], actor=text)
    async with site.database.transaction() as tx:
        await audit.append(tx, text, "task.queued", text, name=text, clinic_code=text)
    queued = await _queued(site, text)
    failed = AmbiguousAccession(accession_number=text, count=2, found=text)
    await site.failed(await _queued(site, text), failed)
    held = await site.advanced(await _queued(site, text), Event.FOUND, Event.RECEIVED)
    async with site.database.transaction() as tx:
        await review.hold(tx, held, [Held(text[:64], text, Sentence(text, text), None)])
    study = await _published(site, await _queued(site, text), text)
    async with site.database.transaction(text) as tx:
        await events.append(tx, study.task_id, "pin_set")
    one = f"/studies/{study.study_id}"
    rich = [
        *(f"/queue/{study.task_id}", f"/queue/{held.task_id}", f"/s/{study.token}", f"/review/{held.task_id}"),
        *(
            one,
            f"{one}/slip",
            f"/studies?q={_quoted(text)}",
            f"/login?next={_quoted(text)}",
            f"/nothing/{_quoted(text)}",
        ),
    ]
    # These tell no more than the number.
    poor = [f"/queue/{queued.task_id}/cancel", f"/admin/keys/{key.partition('.')[0]}/revoke"]
    poor += [f"{one}/{action}" for action in ("keep", "withdraw", "pin", "report")]
    return [*rich, *poor] if PAYLOADS.index(text) < len(SHORT) else rich


async def _queued(site: Panel, text: str) -> Task:
    request = PublishRequest(
        patient_id=f"{text}{uuid4().hex}"[:64],
        accession_number=f"{SHORT[PAYLOADS.index(text) % len(SHORT)]}{next(_NUMBERS):02}",
        clinic_code=KHIMKI,
        emk_record_id=text,
        service_code=text,
        service_title=text,
    )
    async with site.database.transaction() as tx:
        task = await tasks.queue(tx, request, origin=Origin.MANUAL, requested_by=text, search_time=HOUR)
    assert task is not None
    return task


async def _published(site: Panel, task: Task, text: str) -> Publication:
    task = await site.advanced(task, Event.FOUND, Event.RECEIVED)
    async with site.database.transaction() as tx:
        handled = Handled((LeftOut(text, Sentence(text, text), 1),))
        task = await tasks.advance(tx, task, Event.PREPARED, handled=handled, modalities=(text[:16], text))
    return await site.published_as_it_is(task, modality=text)


def _quoted(text: str) -> str:
    return "".join(f"%{octet:02X}" for octet in text.encode())
