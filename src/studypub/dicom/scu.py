"""What we ask of a PACS: is it there (C-ECHO), what has it (C-FIND), send it (C-MOVE, C-GET)."""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
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
from studypub.dicom.scp import STORAGE_SYNTAXES, Rejection, receive
from studypub.dicom.spool import Spool
from studypub.dicom.uid import is_valid
from studypub.errors import PacsBusy, PacsCannotDeliver, PacsRefused, PacsUnreachable

log = logging.getLogger(__name__)

_CONNECT_SECONDS = 10
_ACCEPT_SECONDS = 15
_ANSWER_SECONDS = 30
# Between two responses of a C-MOVE a whole multi-frame object may travel.
_MOVE_ANSWER_SECONDS = 300
_MOST_ROWS = 100_000
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
_STUDY_KEYS = (
    "PatientID", "PatientName", "PatientBirthDate", "StudyInstanceUID", "StudyDate", "StudyTime", "StudyDescription",
    "ModalitiesInStudy", "NumberOfStudyRelatedInstances",
)  # fmt: skip
_PENDING = (0xFF00, 0xFF01)
_DESTINATION_UNKNOWN = 0xA801
_OUT_OF_RESOURCES = 0xA700
_WARNING = 0xB000
_CANCELLED = 0xFE00
_PERMANENT = 1  # result of A-ASSOCIATE-RJ (PS3.8 9.3.4)


class PacsClient:
    """One clinic's PACS. Every call opens an association of its own and blocks; call it from a thread."""

    def __init__(self, pacs: Pacs, our_ae_title: str) -> None:
        self._pacs = pacs
        self._our_ae_title = our_ae_title
        self._open: set[Association] = set()
        self._lock = threading.Lock()
        self._ended = False

    def abort(self) -> None:
        """End what other threads have under way, for good: their calls return soon and ask for nothing more."""
        with self._lock:
            self._ended = True
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

        The PACS's idea of a match may be wide: judge the answer by core.finding.choose.
        """
        query = _query("STUDY")
        query.AccessionNumber = accession_number
        for keyword in _STUDY_KEYS:
            setattr(query, keyword, None)
        studies = [_study(row) for row in self._find(query)]
        if not all(is_valid(study.study_instance_uid) for study in studies):
            raise self._wrong_answer("недопустимый идентификатор в ответе", "an invalid identifier in its answer")
        return studies

    def list_instances(self, study_instance_uid: str) -> list[ListedInstance] | None:
        """List every instance of a study, series by series.

        None where the PACS does not answer at those levels, or not with identifiers: what is left out of a list would
        be left out of the publication unnoticed.
        """
        series_query = _query("SERIES")
        series_query.StudyInstanceUID = study_instance_uid
        series_query.SeriesInstanceUID = ""
        listed: list[ListedInstance] = []
        try:
            series = sorted({_text(row, "SeriesInstanceUID") for row in self._find(series_query)})
            for series_instance_uid in series:
                query = _query("IMAGE")
                query.StudyInstanceUID = study_instance_uid
                query.SeriesInstanceUID = series_instance_uid
                query.SOPInstanceUID = query.SOPClassUID = ""
                listed += [
                    ListedInstance(_text(row, "SOPInstanceUID"), _text(row, "SOPClassUID")) for row in self._find(query)
                ]
        except PacsRefused:
            return None
        whole = all(is_valid(instance.sop_instance_uid) for instance in listed)
        return listed if listed and whole else None

    def move(self, study_instance_uid: str) -> None:
        """Ask the PACS to send a study to our Storage SCP (PS3.4 C.4.2).

        Returning proves nothing: what has arrived counts, and a PACS may go on sending after its last response.
        Raises PacsRefused where it does not know our AE title, PacsCannotDeliver where it says that nothing went
        through, PacsUnreachable, PacsBusy.
        """
        model = StudyRootQueryRetrieveInformationModelMove
        with self._associate([model], answer_seconds=_MOVE_ANSWER_SECONDS) as association:
            identifier = _identifier(study_instance_uid)
            self._judge_retrieval(self._answers(lambda: association.send_c_move(identifier, self._our_ae_title, model)))

    def get(self, study_instance_uid: str, sop_classes: Iterable[str], spool: Spool) -> None:
        """Fetch a study over our own association (PS3.4 C.4.3). Raises as `move` does."""
        model = StudyRootQueryRetrieveInformationModelGet
        classes = sorted(set(filter(is_valid, sop_classes))) or list(_USUAL_CLASSES)
        handlers: list[Any] = [(evt.EVT_C_STORE, _store_into(spool))]
        with self._associate(
            [model], storage=classes, handlers=handlers, answer_seconds=_MOVE_ANSWER_SECONDS
        ) as association:
            identifier = _identifier(study_instance_uid)
            self._judge_retrieval(self._answers(lambda: association.send_c_get(identifier, model)))

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
        ae.connection_timeout, ae.acse_timeout = _CONNECT_SECONDS, _ACCEPT_SECONDS
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
                evt_handlers=handlers,
            )
        except OSError as error:  # a name that nobody has
            raise self._unreachable(type(error).__name__) from error
        if not association.is_established:
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

    def _require_wanted(self) -> None:
        if self._ended:
            raise self._unreachable("not needed any more")

    def _refuse(self, association: Association) -> NoReturn:
        answer = association.acceptor.primitive
        if not association.is_rejected or answer is None:
            raise self._unreachable("no association")
        cause = f"rejected: result {answer.result} source {answer.result_source} reason {answer.diagnostic}"
        if answer.result == _PERMANENT:
            raise PacsRefused(
                cause,
                pacs=self._pacs.ae_title,
                reason_ru=f"он не принимает AE title {self._our_ae_title} или сам называется иначе",
                reason_en=f"it does not accept the AE title {self._our_ae_title}, or its own is another",
            )
        raise PacsBusy(cause, pacs=self._pacs.ae_title, status="rejected")

    def _find(self, query: Dataset) -> list[Dataset]:
        model = StudyRootQueryRetrieveInformationModelFind
        rows: list[Dataset] = []
        with self._associate([model]) as association:
            for status, row in self._answers(lambda: association.send_c_find(query, model)):
                if status.Status not in _PENDING:
                    self._require_success(status)
                elif row is None:  # pynetdicom could not read it; without it the list would look whole
                    raise self._wrong_answer("ответ не читается", "its answer cannot be read")
                else:
                    rows.append(row)
                if len(rows) > _MOST_ROWS:
                    raise self._wrong_answer("слишком много строк в ответе", "too many rows in its answer")
        return rows

    def _answers(
        self, send: Callable[[], Iterator[tuple[Dataset, Dataset | None]]]
    ) -> Iterator[tuple[Dataset, Dataset | None]]:
        try:
            responses = send()
        except ValueError as error:  # no presentation context for it was accepted
            raise self._wrong_answer("эта услуга не поддерживается", "the service is not supported") from error
        except RuntimeError as error:
            raise self._unreachable("the association has ended") from error
        for status, row in responses:
            if "Status" not in status:
                raise self._unreachable("no answer, or the association was aborted")
            yield status, row

    def _require_success(self, status: Dataset) -> None:
        if "Status" not in status:
            raise self._unreachable("no answer")
        code = status.Status
        if code in (_OUT_OF_RESOURCES, _CANCELLED):
            raise PacsBusy(f"status 0x{code:04X}", pacs=self._pacs.ae_title, status=f"0x{code:04X}")
        if code != 0:
            raise self._wrong_answer(f"статус 0x{code:04X}", f"status 0x{code:04X}")

    def _judge_retrieval(self, answers: Iterator[tuple[Dataset, Dataset | None]]) -> None:
        """Hear the answers to the end and raise what the last one means."""
        code = -1
        for status, _ in answers:
            code = status.Status
        if code in (0x0000, _WARNING):
            return
        if code == _DESTINATION_UNKNOWN:
            raise self._wrong_answer(
                f"он не знает, куда передать снимки: AE title {self._our_ae_title} в нём не зарегистрирован",
                f"it does not know where to send images: the AE title {self._our_ae_title} is not registered there",
            )
        raise PacsCannotDeliver(
            f"status 0x{code:04X}",
            pacs=self._pacs.ae_title,
            status=f"0x{code:04X}",
            ae_title=self._our_ae_title,
        )

    def _unreachable(self, cause: str) -> PacsUnreachable:
        address = f"{self._pacs.host}:{self._pacs.port}"
        return PacsUnreachable(cause, pacs=self._pacs.ae_title, address=address)

    def _wrong_answer(self, reason_ru: str, reason_en: str) -> PacsRefused:
        return PacsRefused(reason_en, pacs=self._pacs.ae_title, reason_ru=reason_ru, reason_en=reason_en)


def _query(level: str) -> Dataset:
    query = Dataset()
    query.SpecificCharacterSet = "ISO_IR 192"
    query.QueryRetrieveLevel = level
    return query


def _identifier(study_instance_uid: str) -> Dataset:
    identifier = Dataset()
    identifier.QueryRetrieveLevel = "STUDY"
    identifier.StudyInstanceUID = study_instance_uid
    return identifier


def _study(row: Dataset) -> FoundStudy:
    count = _text(row, "NumberOfStudyRelatedInstances")
    return FoundStudy(
        study_instance_uid=_text(row, "StudyInstanceUID"),
        accession_number=_text(row, "AccessionNumber"),
        patient_id=_text(row, "PatientID"),
        patient_name=_text(row, "PatientName"),
        birth_date=_text(row, "PatientBirthDate"),
        study_date=_text(row, "StudyDate"),
        study_time=_text(row, "StudyTime"),
        modalities=tuple(filter(None, _text(row, "ModalitiesInStudy").split("\\"))),
        description=_text(row, "StudyDescription"),
        instances=int(count) if count.isdecimal() else None,
    )


def _text(row: Dataset, keyword: str) -> str:
    """Return a value as text without its padding; several values are joined by backslashes."""
    value = row.get(keyword)
    if value is None:
        return ""
    # A person's name is no list, though pydicom lets one walk over its characters.
    parts = list(value) if isinstance(value, MultiValue) else [value]
    return "\\".join(str(part).strip(" \x00") for part in parts)


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
