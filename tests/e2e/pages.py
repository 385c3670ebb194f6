"""Every page there is, with something on it: the longest names, a study that is only a part, a link with a PIN."""

from datetime import timedelta
from uuid import uuid4

from tests.peers import panel
from tests.peers.panel import LONG_TITLE, LONGEST_PID, Panel

from studypub.core import totp
from studypub.core.people import Role, User
from studypub.core.publication import Part
from studypub.core.review import Decision, Held
from studypub.core.task import Event
from studypub.db import review as held_of
from studypub.db import tasks
from studypub.errors import IncompleteRetrieve, Sentence
from studypub.flows import pin, report, review, second_factor, sign_in, withdraw
from studypub.flows.report import Written

LONGEST_NAME = "w" * 64
_ULTRASOUND = Sentence("УЗИ: на кадрах стоят данные", "Ultrasound: the frames show data")


async def every_page(site: Panel) -> dict[str, list[str]]:
    """Fill a site and return its addresses: for patients, for nobody, for an administrator."""
    await site.fill()
    longest = await panel.add_user(site.database, LONGEST_NAME, Role.REGISTRATOR, panel.KHIMKI)
    await _turn_second_factor_on(site, longest)
    key = await sign_in.add_api_key(site.database, clinic_code=panel.KHIMKI, name="М" * 64, actor="user:admin")
    live = await site.published(await site.queued("LIVE"), part=Part(missing=2), preview=True)
    locked = await site.published(await site.queued("LOCKED"))
    await pin.set_pin(site.database, locked.study_id, "271828", actor="user:admin", clinic_code=None)
    place = await report.place_for(site.parts.config, site.database, live.task_id, clinic_code=None)
    written = Written("Ф.И.О.: Иванов".encode(), is_text=True)
    await report.attach(site.database, site.parts.store, place, written, accepted=True, actor="user:admin")
    over = await site.published(await site.queued("OVER"), keep=timedelta(seconds=-1))
    gone = await site.published(await site.queued("GONE", requested_by=f"key:{key.partition('.')[0]}"))
    await withdraw.withdraw(site.database, gone.study_id, actor=f"user:{LONGEST_NAME}", clinic_code=None)
    held = await site.hold(await site.queued("HELD"), *(Held(f"1.2.{n}", "us", _ULTRASOUND, None) for n in range(3)))
    part = await _incomplete(site)
    study, user, task = f"/studies/{live.study_id}", f"/admin/users/{panel.REGISTRATOR}", f"/queue/{part}"
    pictures = [f"/s/{live.token}/preview", f"/s/{live.token}/preview?series=1"]
    return {
        "patient": [f"/s/{one.token}" for one in (live, locked, over, gone)] + ["/s/" + "0" * 22, *pictures],
        "nobody": ["/login", "/nothing"],
        "panel": [
            *("/queue", "/queue?q=none", "/queue?after=x", task, f"{task}/cancel", f"{task}/received?from=task"),
            *(f"/queue/{gone.task_id}", f"/queue/{locked.task_id}", f"/queue/{held.task_id}", f"/queue/{uuid4()}"),
            *(f"/review/{held.task_id}", f"/review/{part}", "/studies", "/studies?q=nothing", "/studies?size_from=1"),
            *(study, f"{study}/keep", f"{study}/withdraw", f"{study}/pin", f"{study}/report"),
            *(f"/studies/{locked.study_id}/report", f"/studies/{locked.study_id}/slip"),
            *(f"/studies/selected/{action}?study={live.study_id}" for action in ("keep", "withdraw")),
            *("/publish/new", f"/publish/new?again={gone.task_id}", "/admin/users", f"{user}/disable"),
            *("/security", f"/admin/users/{LONGEST_NAME}/second-factor"),
            *(f"{user}/password", "/admin/keys", f"/admin/keys/{key.partition('.')[0]}/revoke"),
            *("/admin/clinics", "/admin/clinics/new", f"/admin/clinics/{panel.KHIMKI}/edit"),
            *("/admin/rights", "/admin/settings", "/admin/audit", "/admin/audit?q=nothing", "/admin/state"),
        ],
    }


async def _turn_second_factor_on(site: Panel, user: User) -> None:
    await second_factor.begin(site.database, user)
    offer = await second_factor.offered(site.database, user)
    assert offer
    async with site.database.transaction() as tx:
        code = totp.code(offer.secret, totp.step_at(await tx.now()))
    await second_factor.turn_on(site.database, user, code, session="")


async def _incomplete(site: Panel) -> str:
    """A task with the longest names and a long story, whose images did not all come."""
    task = await site.queued("WWWWWWWWWWWWWWW1", LONGEST_PID, service_title=LONG_TITLE, emk_record_id="W" * 64)
    await site.hold(task, Held("1.2", "us", _ULTRASOUND, None))
    async with site.database.transaction() as tx:
        held = [one.held_id for one in await held_of.of_task(tx, task.task_id)]
    by = {"actor": f"user:{LONGEST_NAME}", "clinic_code": None}
    await review.decide(site.database, task.task_id, held, Decision.MASK, **by)  # type: ignore[arg-type]
    running = await site.advanced(task, Event.FOUND, received=118, expected=120)
    async with site.database.transaction() as tx:
        await tasks.end(tx, running, Event.FAIL, why=IncompleteRetrieve(received=118, expected=120))
    return str(task.task_id)
