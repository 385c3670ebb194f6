"""What we ask of a PACS: is it there (C-ECHO), what has it (C-FIND), send it (C-MOVE, C-GET)."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any, NoReturn

from pydicom.dataset import Dataset
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, build_context, build_role, evt
from pynetdicom.association import Association
from pynetdicom.presentation import PresentationContext
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    ComputedRadiographyImageStorage,
    CTImageStorage,
    DigitalMammographyXRayImageStorageForPresentation,
    DigitalXRayImageStorageForPresentation,
    EnhancedCTImageStorage,
    EnhancedMRImageStorage,
    MRImageStorage,
    NuclearMedicineImageStorage,
    PositronEmissionTomographyImageStorage,
    SecondaryCaptureImageStorage,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
    UltrasoundImageStorage,
    UltrasoundMultiFrameImageStorage,
    Verification,
    XRayAngiographicImageStorage,
    XRayRadiofluoroscopicImageStorage,
)

from studypub.config import Pacs
from studypub.core.finding import FoundStudy, ListedInstance
from studypub.core.outages import Outages
from studypub.core.wanted import Wanted
from studypub.dicom import refusals, rows
from studypub.dicom.nodelay import send_at_once
from studypub.dicom.scp import STORAGE_SYNTAXES, Rejection, receive
from studypub.dicom.spool import Spool
from studypub.dicom.uid import is_valid
from studypub.errors import PacsBusy, PacsCannotDeliver, PacsRefused, PacsSilent, PacsUnreachable

log = logging.getLogger(__name__)

_ANSWER_SECONDS = 30
_MOST_STUDIES = 500  # more under one accession number, and the PACS ignores what it is asked
_MOST_INSTANCES = 100_000
_MOST_CONTEXTS = 128  # PS3.8 9.3.2.2: odd identifiers from 1 to 255
_PLAIN_SYNTAXES = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)
# Moving pictures last: where the contexts run out, they are what a study has least of.
_COMPRESSED_SYNTAXES = sorted(
    (syntax for syntax in STORAGE_SYNTAXES if syntax not in _PLAIN_SYNTAXES),
    key=lambda syntax: "MPEG" in syntax.name or "HEVC" in syntax.name,
)
# Offered where the PACS does not list which classes the study has.
_USUAL_CLASSES = (
    CTImageStorage, MRImageStorage, ComputedRadiographyImageStorage, DigitalXRayImageStorageForPresentation,
    DigitalMammographyXRayImageStorageForPresentation, EnhancedCTImageStorage, EnhancedMRImageStorage,
    UltrasoundImageStorage, UltrasoundMultiFrameImageStorage, XRayAngiographicImageStorage,
    XRayRadiofluoroscopicImageStorage, NuclearMedicineImageStorage, PositronEmissionTomographyImageStorage,
    SecondaryCaptureImageStorage,
)  # fmt: skip
_PENDING = (0xFF00, 0xFF01)
_DESTINATION_UNKNOWN = 0xA801
_OUT_OF_RESOURCES = 0xA700
_WARNING = 0xB000
_CANCELLED = 0xFE00
# Of a retrieval, in the PACS's own words: not supported, not authorized, not understood (PS3.4 C.4.2.1.5, PS3.7 C).
_NO_FOR_GOOD = (0x0122, 0x0124, 0x0211, 0xA900)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long, in seconds, a PACS may take to accept a connection, to answer a search, to say more of a transfer."""

    connect: float = 10.0
    search: float = 300.0
    transfer: float = 300.0


@dataclass(frozen=True, slots=True)
class Memory:
    """Since when each PACS has been silent, and the time zone in which that is told."""

    outages: Outages = field(default_factory=Outages)
    zone: tzinfo = UTC


class PacsClient:
    """One clinic's PACS. Every call opens an association of its own and blocks; call it from a thread."""

    def __init__(
        self, pacs: Pacs, our_ae_title: str, patience: Patience | None = None, memory: Memory | None = None
    ) -> None:
        self._pacs = pacs
        self._our_ae_title = our_ae_title
        self._patience = patience or Patience()
        self._memory = memory or Memory()
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

    def echo(self) -> None:
        """Ask whether it is there. Raises PacsUnreachable, PacsRefused, PacsBusy."""
        with self._associate([Verification]) as association:
            self._require_success(association.send_c_echo())

    def find_studies(self, accession_number: str) -> list[FoundStudy]:
        """List the studies that the PACS has under an accession number (PS3.4 C.4.1).

        Only exact answers come back: a PACS may match by pattern, ignore the key, or tell about others. Which of them
        is meant is for core.finding.choose to say.
        """
        rows_of = self._find(rows.studies_of(accession_number), self._until(), most=_MOST_STUDIES)
        studies = [study for study in map(rows.study, rows_of) if study.accession_number == accession_number]
        if not all(is_valid(study.study_instance_uid) for study in studies):
            raise self._wrong_answer("недопустимый идентификатор в ответе", "an invalid identifier in its answer")
        return studies

    def list_instances(self, study_instance_uid: str) -> list[ListedInstance] | None:
        """List every instance of a study, series by series.

        None where the PACS does not answer at those levels, or not with identifiers: what is left out of a list would
        be left out of the publication unnoticed.
        """
        until = self._until()
        listed: dict[str, ListedInstance] = {}
        try:
            for series in self._list_series(study_instance_uid, until):
                if not is_valid(series):
                    return None
                query = rows.instances_of(study_instance_uid, series)
                for row in self._find(query, until, most=_MOST_INSTANCES - len(listed)):
                    if not rows.says_another(row, StudyInstanceUID=study_instance_uid, SeriesInstanceUID=series):
                        one = ListedInstance(rows.text(row, "SOPInstanceUID"), rows.text(row, "SOPClassUID"), series)
                        listed.setdefault(one.sop_instance_uid, one)
        except PacsRefused:
            return None
        return list(listed.values()) if listed and all(map(is_valid, listed)) else None

    def _list_series(self, study_instance_uid: str, until: float) -> list[str]:
        answers = self._find(rows.series_of(study_instance_uid), until, most=_MOST_INSTANCES)
        return sorted(
            {
                rows.text(row, "SeriesInstanceUID")
                for row in answers
                if not rows.says_another(row, StudyInstanceUID=study_instance_uid)
            }
        )

    def move(self, wanted: Wanted) -> None:
        """Ask the PACS to send to our Storage SCP (PS3.4 C.4.2).

        Returning proves nothing: what has arrived counts, and a PACS may go on sending after its last response.
        Raises PacsRefused where it does not know our AE title, PacsCannotDeliver where it says that nothing went
        through or breaks off, PacsUnreachable, PacsBusy.
        """
        model = StudyRootQueryRetrieveInformationModelMove
        with self._associate([model], answer_seconds=self._patience.transfer) as association:
            names = rows.identifier(wanted)
            self._judge_retrieval(self._answers(lambda: association.send_c_move(names, self._our_ae_title, model)))

    def get(self, wanted: Wanted, sop_classes: Iterable[str], spool: Spool) -> None:
        """Fetch over our own association (PS3.4 C.4.3). Raises as `move` does."""
        model = StudyRootQueryRetrieveInformationModelGet
        classes = sorted(set(filter(is_valid, sop_classes))) or list(_USUAL_CLASSES)
        handlers: list[Any] = [(evt.EVT_C_STORE, _store_into(spool))]
        with self._associate(
            [model], storage=classes, handlers=handlers, answer_seconds=self._patience.transfer
        ) as association:
            names = rows.identifier(wanted)
            self._judge_retrieval(self._answers(lambda: association.send_c_get(names, model)))

    def _until(self) -> float:
        return time.monotonic() + self._patience.search

    @contextmanager
    def _associate(
        self,
        models: Iterable[str],
        *,
        storage: Iterable[str] = (),
        handlers: list[Any] | None = None,
        answer_seconds: float = _ANSWER_SECONDS,
    ) -> Iterator[Association]:
        ae = AE(self._our_ae_title)
        ae.connection_timeout = ae.acse_timeout = self._patience.connect
        ae.dimse_timeout = ae.network_timeout = answer_seconds
        ae.maximum_pdu_size = 2**17
        for model in models:
            ae.add_requested_context(model)
        contexts = [*ae.requested_contexts, *_storage_contexts(storage)][:_MOST_CONTEXTS]
        roles = [build_role(UID(sop_class), scp_role=True) for sop_class in storage]
        try:
            association = ae.associate(
                self._pacs.host,
                self._pacs.port,
                contexts=contexts,
                ae_title=self._pacs.ae_title,
                ext_neg=roles,  # type: ignore[arg-type]
                evt_handlers=[(evt.EVT_CONN_OPEN, send_at_once), *(handlers or ())],
            )
        except OSError as error:  # a name that nobody has
            raise self._unreachable(type(error).__name__) from error
        if not association.is_established:
            self._refuse(association)
        self._memory.outages.answered(self._address)
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

    def _require_wanted(self) -> None:
        if self._ended:
            raise self._lost("not needed any more")

    def _refuse(self, association: Association) -> NoReturn:
        answer = association.acceptor.primitive
        if not association.is_rejected or answer is None:
            raise self._unreachable("no association")
        self._memory.outages.answered(self._address)
        cause = f"rejected: result {answer.result} source {answer.result_source} reason {answer.diagnostic}"
        refusal = refusals.judge(answer.result, answer.result_source, answer.diagnostic)
        reason = refusal.reason.filled(ours=self._our_ae_title, pacs=self._pacs.ae_title)
        if refusal.for_good:
            raise PacsRefused(cause, pacs=self._pacs.ae_title, reason_ru=reason.ru, reason_en=reason.en)
        raise PacsBusy(cause, pacs=self._pacs.ae_title, status="A-ASSOCIATE-RJ")

    def _find(self, query: Dataset, until: float, *, most: int) -> Iterator[Dataset]:
        """Give the rows as they come; `until` is when all of the search must be over, by the monotonic clock."""
        model = StudyRootQueryRetrieveInformationModelFind
        left = max(until - time.monotonic(), 1.0)
        number = 0
        with self._associate([model], answer_seconds=min(left, _ANSWER_SECONDS)) as association:
            for status, row in self._answers(lambda: association.send_c_find(query, model)):
                if status.Status not in _PENDING:
                    self._require_success(status)
                    continue
                if row is None:  # pynetdicom could not read it; without it the list would look whole
                    raise self._wrong_answer("ответ не читается", "its answer cannot be read")
                number += 1
                if number > most:
                    raise self._wrong_answer("слишком много строк в ответе", "too many rows in its answer")
                if time.monotonic() > until:
                    raise PacsBusy("the search does not end", pacs=self._pacs.ae_title, status="C-FIND")
                yield row

    def _answers(
        self, send: Callable[[], Iterator[tuple[Dataset, Dataset | None]]]
    ) -> Iterator[tuple[Dataset, Dataset | None]]:
        try:
            responses = send()
        except ValueError as error:  # no presentation context for it was accepted
            raise self._wrong_answer("эта услуга не поддерживается", "the service is not supported") from error
        except RuntimeError as error:
            raise self._lost("the association has ended") from error
        for status, row in responses:
            if "Status" not in status:
                raise self._lost("no answer, or the association was aborted")
            yield status, row

    def _require_success(self, status: Dataset) -> None:
        if "Status" not in status:
            raise self._lost("no answer")
        code = status.Status
        if code in (_OUT_OF_RESOURCES, _CANCELLED):
            raise PacsBusy(f"status 0x{code:04X}", pacs=self._pacs.ae_title, status=f"0x{code:04X}")
        if code != 0:
            raise self._wrong_answer(f"статус 0x{code:04X}", f"status 0x{code:04X}")

    def _judge_retrieval(self, answers: Iterator[tuple[Dataset, Dataset | None]]) -> None:
        """Hear the answers to the end and raise what the last one means."""
        code = -1
        try:
            for status, _ in answers:
                code = status.Status
        except PacsUnreachable as error:
            # Some abort where others say that they do not know the destination.
            raise self._cannot_deliver("A-ABORT") from error
        if code in (0x0000, _WARNING):
            return
        if code == _DESTINATION_UNKNOWN:
            raise self._wrong_answer(
                f"он не знает, куда передать снимки: AE title {self._our_ae_title} в нём не зарегистрирован",
                f"it does not know where to send images: the AE title {self._our_ae_title} is not registered there",
            )
        if code in _NO_FOR_GOOD:
            raise self._wrong_answer(f"статус 0x{code:04X}", f"status 0x{code:04X}")
        raise self._cannot_deliver(f"0x{code:04X}")

    def _cannot_deliver(self, status: str) -> PacsCannotDeliver:
        pacs, ours = self._pacs.ae_title, self._our_ae_title
        return PacsCannotDeliver(f"status {status}", pacs=pacs, status=status, ae_title=ours)

    @property
    def _address(self) -> str:
        return f"{self._pacs.host}:{self._pacs.port}"

    def _lost(self, cause: str) -> PacsUnreachable:
        return PacsUnreachable(cause, pacs=self._pacs.ae_title, address=self._address)

    def _unreachable(self, cause: str) -> PacsSilent:
        since = self._memory.outages.failed(self._address, datetime.now(UTC))
        told = f"{since.astimezone(self._memory.zone):%d.%m.%Y %H:%M %Z}"
        return PacsSilent(cause, pacs=self._pacs.ae_title, address=self._address, since=told)

    def _wrong_answer(self, reason_ru: str, reason_en: str) -> PacsRefused:
        return PacsRefused(reason_en, pacs=self._pacs.ae_title, reason_ru=reason_ru, reason_en=reason_en)


def _storage_contexts(sop_classes: Iterable[str]) -> list[PresentationContext]:
    """Offer each class plainly, and once for each compression: whoever answers takes one syntax of a context."""
    classes = list(sop_classes)
    contexts = [build_context(UID(sop_class), list(_PLAIN_SYNTAXES)) for sop_class in classes]
    for syntax in _COMPRESSED_SYNTAXES:
        contexts += [build_context(UID(sop_class), syntax) for sop_class in classes]
    return contexts


def _store_into(spool: Spool) -> Callable[[evt.Event], int]:
    def store(event: evt.Event) -> int:
        try:
            receive(spool, event)
        except Rejection as rejection:
            log.warning("Изображение отклонено: %s", rejection)
            return rejection.status
        return 0x0000

    return store
