"""How a PACS is called, and what it means when it does not answer as it should."""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

from pydicom.dataset import Dataset
from pydicom.uid import UID
from pynetdicom import AE, build_role, evt
from pynetdicom.association import Association

from studypub.config import Pacs
from studypub.dicom import no_tls, rejects
from studypub.dicom.answers import Answers, NoAnswer
from studypub.dicom.offers import storage_contexts
from studypub.dicom.row import Row
from studypub.dicom.secure import PacsContext, outgoing
from studypub.dicom.waiting import leave_answers, wait_for_the_peer
from studypub.errors import (
    ConfigError,
    PacsAway,
    PacsBusy,
    PacsFull,
    PacsNotSecured,
    PacsRefused,
    PacsUnreachable,
    Sentence,
)

ANSWER_SECONDS = 30.0
_MOST_CONTEXTS = 128  # PS3.8 9.3.2.2: odd identifiers from 1 to 255
_LARGEST_PDU = 2**17  # what we announce: of smaller ones a long instance needs more than the network
_ACCEPTED = 0  # PS3.8 9.3.3; the library gives an association up in which nothing else was accepted
_OUT_OF_RESOURCES = 0xA700
_CANCELLED = 0xFE00

Sent = TypeVar("Sent")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long, in seconds, a PACS may take to accept a connection, to answer a search, to say more of a transfer."""

    connect: float = 10.0
    search: float = 300.0
    transfer: float = 300.0


class Caller:
    """Calls one PACS; every call is an association of its own and blocks."""

    def __init__(self, pacs: Pacs, our_ae_title: str, patience: Patience | None = None) -> None:
        self._pacs = pacs
        self._our_ae_title = our_ae_title
        self._patience = patience or Patience()
        self._open: set[Association] = set()
        self._lock = threading.Lock()
        self._ended = False

    def abort(self) -> None:
        """End what other threads have under way, for good: their calls return soon and ask for nothing more."""
        with self._lock:
            self._ended = True
        self.hang_up()

    def hang_up(self) -> None:
        """End what other threads have under way now; more may be asked for."""
        with self._lock:
            under_way = list(self._open)
        for association in under_way:
            # What pynetdicom hears when the peer is gone: it aborts the association in the thread that waits for an
            # answer. Its own `abort` would leave that thread waiting.
            association.dimse.msg_queue.put((None, None))

    @contextmanager
    def _associate(
        self,
        models: Iterable[str],
        *,
        storage: Iterable[str] = (),
        handlers: list[Any] | None = None,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> Iterator[Association]:
        ae = AE(self._our_ae_title)
        ae.connection_timeout = ae.acse_timeout = self._patience.connect
        ae.dimse_timeout = ae.network_timeout = answer_seconds
        for model in models:
            ae.add_requested_context(model)
        contexts = [*ae.requested_contexts, *storage_contexts(storage)][:_MOST_CONTEXTS]
        roles = [build_role(UID(sop_class), scp_role=True) for sop_class in storage]
        context = self._tls()
        try:
            association = ae.associate(
                self._pacs.host,
                self._pacs.port,
                contexts=contexts,
                ae_title=self._pacs.ae_title,
                max_pdu=_LARGEST_PDU,
                ext_neg=roles,  # type: ignore[arg-type]
                tls_args=None if context is None else (context, self._pacs.host),
                evt_handlers=[
                    (evt.EVT_CONN_OPEN, wait_for_the_peer),
                    *(handlers or ()),
                    (evt.EVT_CONN_OPEN, leave_answers),
                ],
            )
        except OSError as error:  # a name that nobody has
            raise self._unreachable(type(error).__name__) from error
        if not association.is_established:
            if context is not None and context.failure is not None:
                raise self._not_secured(no_tls.of_pacs(context.failure)) from context.failure
            self._refuse(association)
        with self._lock:
            self._open.add(association)
        try:
            self._require_wanted()
            yield association
        except BaseException:
            # It may be in the middle of an answer, which a release would wait for.
            association.abort()
            association.kill()
            raise
        finally:
            with self._lock:
                self._open.discard(association)
            association.release()

    def _tls(self) -> PacsContext | None:
        try:
            return None if self._pacs.tls is None else outgoing(self._pacs.tls)
        except ConfigError as error:  # the files were there when we started
            raise self._not_secured(error.sentence) from error

    def _require_wanted(self) -> None:
        if self._ended:
            raise self._lost("not needed any more")

    def _refuse(self, association: Association) -> NoReturn:
        answer = association.acceptor.primitive
        if answer is not None and answer.result == _ACCEPTED:
            raise self._not_served()
        if not association.is_rejected or answer is None:
            raise self._unreachable("no association")
        cause = f"rejected: result {answer.result} source {answer.result_source} reason {answer.diagnostic}"
        refusal = rejects.judge(answer.result, answer.result_source, answer.diagnostic)
        reason = refusal.reason.filled(ours=self._our_ae_title, pacs=self._pacs.ae_title)
        if refusal.for_good:
            rejection = (answer.result_source or 0, answer.diagnostic or 0)
            raise self._wrong_answer(*reason, cause, rejection=rejection)
        raise PacsFull(cause, pacs=self._pacs.ae_title, status="A-ASSOCIATE-RJ")

    def _sent(self, send: Callable[[], Sent]) -> Sent:
        try:
            return send()
        except ValueError as error:  # no presentation context for it was accepted
            raise self._not_served() from error
        except RuntimeError as error:
            raise self._lost("the association has ended") from error

    def _heard(self, answers: Answers) -> Iterator[tuple[int, Row | None]]:
        try:
            yield from answers.heard()
        except NoAnswer as error:
            raise self._lost("no answer, or the association was aborted") from error

    def _require_success(self, status: Dataset) -> None:
        if "Status" not in status:
            raise self._lost("no answer")
        self._require_status(status.Status)

    def _require_status(self, code: int) -> None:
        if code in (_OUT_OF_RESOURCES, _CANCELLED):
            raise PacsBusy(f"status 0x{code:04X}", pacs=self._pacs.ae_title, status=f"0x{code:04X}")
        if code != 0:
            raise self._wrong_answer(f"статус 0x{code:04X}", f"status 0x{code:04X}", status=code)

    @property
    def _address(self) -> str:
        return f"{self._pacs.host}:{self._pacs.port}"

    def _lost(self, cause: str) -> PacsUnreachable:
        return PacsUnreachable(cause, pacs=self._pacs.ae_title, address=self._address)

    def _unreachable(self, cause: str) -> PacsAway:
        return PacsAway(cause, pacs=self._pacs.ae_title, address=self._address)

    def _not_secured(self, reason: Sentence) -> PacsNotSecured:
        pacs, address = self._pacs.ae_title, self._address
        return PacsNotSecured(reason.en, pacs=pacs, address=address, reason_ru=reason.ru, reason_en=reason.en)

    def _not_served(self) -> PacsRefused:
        return self._wrong_answer("эта услуга не поддерживается", "the service is not supported", served=False)

    def _wrong_answer(self, reason_ru: str, reason_en: str, cause: str = "", **facts: object) -> PacsRefused:
        """`facts` say the same to programs: `rejection` (source, reason), `status`, `served`."""
        said = {"pacs": self._pacs.ae_title, "reason_ru": reason_ru, "reason_en": reason_en}
        return PacsRefused(cause or reason_en, **said, **facts)
