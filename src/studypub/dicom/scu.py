"""What we ask of a PACS: is it there (C-ECHO), what has it (C-FIND), send it (C-MOVE, C-GET)."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from pydicom.dataset import Dataset
from pynetdicom import evt
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
    Verification,
)

from studypub.core.finding import FoundStudy, ListedInstance
from studypub.core.wanted import Wanted
from studypub.dicom import rows
from studypub.dicom.answers import PENDING, Answers
from studypub.dicom.caller import ANSWER_SECONDS, Caller
from studypub.dicom.deliveries import Deliveries, deliver
from studypub.dicom.offers import USUAL_CLASSES
from studypub.dicom.peers import Senders
from studypub.dicom.row import Row
from studypub.dicom.spool import Spool
from studypub.dicom.uid import is_valid
from studypub.errors import PacsBusy, PacsCannotDeliver, PacsRefused, PacsUnreachable

_MOST_STUDIES = 500  # more under one accession number, and the PACS ignores what it is asked
_MOST_INSTANCES = 100_000
_MOST_MESSAGES = 0xFFFF  # PS3.7 E.1: their identifiers are of 16 bits
_DESTINATION_UNKNOWN = 0xA801
_WARNING = 0xB000
# Of a retrieval, in the PACS's own words: not supported, not authorized, not understood (PS3.4 C.4.2.1.5, PS3.7 C).
_NO_FOR_GOOD = (0x0122, 0x0124, 0x0211, 0xA900)

Find = Callable[[Dataset, int], Iterator[Row]]  # gives the rows as they come, at most so many


class PacsClient(Caller):
    """One clinic's PACS. Every call opens an association of its own and blocks; call it from a thread."""

    def echo(self) -> None:
        """Ask whether it is there. Raises PacsUnreachable, PacsRefused, PacsBusy."""
        with self._associate([Verification]) as association:
            self._require_success(association.send_c_echo())

    def greet(self) -> None:
        """Open an association as every task does first, and end it. Raises PacsAway, PacsFull, PacsRefused.

        Some PACS answer no C-ECHO of those whom they have not been told of.
        """
        with self._associate([StudyRootQueryRetrieveInformationModelFind]):
            pass

    def find_studies(self, accession_number: str) -> list[FoundStudy]:
        """List the studies that the PACS has under an accession number (PS3.4 C.4.1).

        Only exact answers come back: a PACS may match by pattern, ignore the key, or tell about others. Which of them
        is meant is for core.finding.choose to say.
        """
        with self._searching(self._until()) as find:
            found = list(map(rows.study, find(rows.studies_of(accession_number), _MOST_STUDIES)))
        studies = [study for study in found if study.accession_number == accession_number]
        if not all(is_valid(study.study_instance_uid) for study in studies):
            raise self._wrong_answer("недопустимый идентификатор в ответе", "an invalid identifier in its answer")
        return studies

    def list_instances(self, study_instance_uid: str) -> list[ListedInstance] | None:
        """List every instance of a study, series by series; with its SOP Class where it is to be fetched by C-GET.

        None where the PACS does not answer at those levels, or not with identifiers: what is left out of a list would
        be left out of the publication unnoticed.
        """
        listed: dict[str, ListedInstance] = {}
        try:
            with self._searching(self._until()) as find:
                for series in _series_of(find, study_instance_uid):
                    if not is_valid(series):
                        return None
                    query = rows.instances_of(study_instance_uid, series, classes=self._pacs.retrieve == "get")
                    for row in find(query, _MOST_INSTANCES - len(listed)):
                        if not rows.says_another(row, StudyInstanceUID=study_instance_uid, SeriesInstanceUID=series):
                            uid, sop_class = row.text("SOPInstanceUID"), row.text("SOPClassUID")
                            one = ListedInstance(uid, sop_class, series)
                            listed.setdefault(one.sop_instance_uid, one)
        except PacsRefused:
            return None
        return list(listed.values()) if listed and all(map(is_valid, listed)) else None

    def move(self, wanted: Wanted) -> None:
        """Ask the PACS to send to our Storage SCP (PS3.4 C.4.2).

        Returning proves nothing: what has arrived counts, and a PACS may go on sending after its last response.
        Raises PacsRefused where it does not know our AE title, PacsCannotDeliver where it says that nothing went
        through or breaks off, PacsUnreachable, PacsBusy.
        """
        model = StudyRootQueryRetrieveInformationModelMove
        with self._associate([model], answer_seconds=self._patience.transfer) as association:
            answers = Answers(association, last_alone=True)
            self._sent(lambda: association.send_c_move(rows.identifier(wanted), self._our_ae_title, model))
            self._judge_retrieval(status for status, _ in self._heard(answers))

    def get(self, wanted: Wanted, sop_classes: Iterable[str], spool: Spool) -> None:
        """Fetch over our own association (PS3.4 C.4.3). Raises as `move` does."""
        model = StudyRootQueryRetrieveInformationModelGet
        classes = sorted(set(filter(is_valid, sop_classes))) or list(USUAL_CLASSES)
        begun: list[Deliveries] = []
        handlers: list[Any] = [(evt.EVT_CONN_OPEN, deliver, [spool, Senders.of(self._pacs), begun])]
        try:
            with self._associate(
                [model], storage=classes, handlers=handlers, answer_seconds=self._patience.transfer
            ) as association:
                responses = self._sent(lambda: association.send_c_get(rows.identifier(wanted), model))
                self._judge_retrieval(map(self._status, responses))
        finally:
            for deliveries in begun:
                deliveries.discard()

    def _until(self) -> float:
        return time.monotonic() + self._patience.search

    @contextmanager
    def _searching(self, until: float) -> Iterator[Find]:
        """Give what searches, over one association; `until` is when all of it must be over, by the monotonic clock."""
        model = StudyRootQueryRetrieveInformationModelFind
        left = max(until - time.monotonic(), 1.0)
        with self._associate([model], answer_seconds=min(left, ANSWER_SECONDS)) as association:
            answers, asked = Answers(association), count()

            def find(query: Dataset, most: int) -> Iterator[Row]:
                message_id = next(asked) % _MOST_MESSAGES + 1
                self._sent(lambda: association.send_c_find(query, model, message_id))
                return self._rows(self._heard(answers), until, most)

            yield find

    def _rows(self, heard: Iterator[tuple[int, Row | None]], until: float, most: int) -> Iterator[Row]:
        number = 0
        for status, row in heard:
            if status not in PENDING:
                self._require_status(status)
                continue
            if row is None:  # without it the list would look whole
                raise self._wrong_answer("ответ не читается", "its answer cannot be read")
            number += 1
            if number > most:
                raise self._wrong_answer("слишком много строк в ответе", "too many rows in its answer")
            if time.monotonic() > until:
                raise PacsBusy("the search does not end", pacs=self._pacs.ae_title, status="C-FIND")
            yield row

    def _status(self, response: tuple[Dataset, Dataset | None]) -> int:
        status, _ = response
        if "Status" not in status:
            raise self._lost("no answer, or the association was aborted")
        code: int = status.Status
        return code

    def _judge_retrieval(self, statuses: Iterable[int]) -> None:
        """Hear the answers to the end and raise what the last one means."""
        code = -1
        try:
            for code in statuses:  # noqa: B007 - the last one counts
                pass
        except PacsUnreachable as error:
            # Some abort where others say that they do not know the destination.
            raise self._cannot_deliver("A-ABORT") from error
        if code in (0x0000, _WARNING):
            return
        if code == _DESTINATION_UNKNOWN:
            raise self._wrong_answer(
                f"он не знает, куда передать снимки: AE title {self._our_ae_title} в нём не зарегистрирован",
                f"it does not know where to send images: the AE title {self._our_ae_title} is not registered there",
                status=code,
            )
        if code in _NO_FOR_GOOD:
            raise self._wrong_answer(f"статус 0x{code:04X}", f"status 0x{code:04X}", status=code)
        raise self._cannot_deliver(f"0x{code:04X}")

    def _cannot_deliver(self, status: str) -> PacsCannotDeliver:
        pacs, ours = self._pacs.ae_title, self._our_ae_title
        return PacsCannotDeliver(f"status {status}", pacs=pacs, status=status, ae_title=ours)


def _series_of(find: Find, study_instance_uid: str) -> list[str]:
    return sorted(
        {
            row.text("SeriesInstanceUID")
            for row in find(rows.series_of(study_instance_uid), _MOST_INSTANCES)
            if not rows.says_another(row, StudyInstanceUID=study_instance_uid)
        }
    )
