"""What PACSes do instead of what they should: a name for each, and how it is done."""

from collections.abc import Callable
from copy import deepcopy

from pydicom.charset import convert_encodings
from pydicom.dataset import Dataset, FileDataset
from pydicom.uid import UID
from pydicom.valuerep import PersonName
from tests.peers.scripted_pacs import Answers, Behaviour, Search, Transfer, honest, pending

_PENDING = 0xFF00


# Transfers


def _first_only(lie: Callable[[Transfer], None]) -> Callable[[Transfer], None]:
    """Lie about the first request and be honest afterwards."""

    def move(transfer: Transfer) -> None:
        (lie if transfer.number == 1 else honest)(transfer)

    return move


def _dropping(number: int, status: int = 0x0000) -> Callable[[Transfer], None]:
    def move(transfer: Transfer) -> None:
        transfer.send(*transfer.selected[:-number])
        failed = number if status else 0
        transfer.done(status, completed=len(transfer.selected) - failed, failed=failed)

    return move


def _never_sends_the_last(transfer: Transfer) -> None:
    last = transfer.pacs.instances[-1].SOPInstanceUID
    transfer.send(*(instance for instance in transfer.selected if instance.SOPInstanceUID != last))
    transfer.done()


def _drops_a_series(transfer: Transfer) -> None:
    series = transfer.selected[0].SeriesInstanceUID
    transfer.send(*(instance for instance in transfer.selected if instance.SeriesInstanceUID == series))
    transfer.done()


def _knows_no_images(transfer: Transfer) -> None:
    if transfer.level == "IMAGE":
        transfer.done(0xA900, completed=0)
    else:
        (_dropping(2) if transfer.level == "STUDY" else honest)(transfer)


def _sends_twice(transfer: Transfer) -> None:
    transfer.send(*transfer.selected, *transfer.selected)
    transfer.done()


def _sends_another_under_the_same_name(transfer: Transfer) -> None:
    other = deepcopy(transfer.selected[0])
    other.PixelData = bytes(len(other.PixelData))
    transfer.send(*transfer.selected, other)
    transfer.done()


def _aborts_after(number: int) -> Callable[[Transfer], None]:
    def move(transfer: Transfer) -> None:
        transfer.send(*transfer.selected[:number])
        transfer.abort()

    return move


def _aborts_and_goes_on(transfer: Transfer) -> None:
    """What becomes of the stores after an abort, the Standard leaves open (PS3.4 C.4.2.3)."""
    transfer.send(*transfer.selected[:2])
    transfer.abort()
    transfer.pacs.later(lambda: transfer.send(*transfer.selected[2:]))


def _ends_with(status: int) -> Callable[[Transfer], None]:
    return lambda transfer: transfer.done(status, completed=0, failed=len(transfer.selected))


def _stops_after(number: int) -> Callable[[Transfer], None]:
    def move(transfer: Transfer) -> None:
        transfer.send(*transfer.selected[:number])
        transfer.hold()

    return move


def _says_pending_though_done(transfer: Transfer) -> None:
    transfer.send(*transfer.selected)
    transfer.hold()


def _repeats_the_first(transfer: Transfer) -> None:
    for _ in range(100):
        if not transfer.is_wanted:
            return
        transfer.send(transfer.selected[0])
        transfer.pacs.over.wait(0.05)


def _trickles(seconds: float) -> Callable[[Transfer], None]:
    def move(transfer: Transfer) -> None:
        for instance in transfer.selected:
            if not transfer.is_wanted or transfer.pacs.over.wait(seconds):
                return
            transfer.send(instance)
        transfer.done()

    return move


def _succeeds_with_nothing(transfer: Transfer) -> None:
    transfer.done()


def _succeeds_and_sends_later(transfer: Transfer) -> None:
    transfer.done()
    transfer.pacs.later(lambda: transfer.send(*transfer.selected))


def _holds_the_last_back(transfer: Transfer) -> None:
    transfer.send(*transfer.selected[:-1])
    transfer.done()
    _when_told(transfer, transfer.selected[-1])


def _sends_all_and_one_more_later(transfer: Transfer) -> None:
    honest(transfer)
    _when_told(transfer, _copied(transfer.selected[-1], f"{transfer.selected[-1].SOPInstanceUID}.1"))


def _when_told(transfer: Transfer, instance: FileDataset) -> None:
    def send() -> None:
        transfer.pacs.go_on.wait(30)
        transfer.send(instance)

    transfer.pacs.later(send)


def _sends_another_study_too(transfer: Transfer) -> None:
    transfer.send(*transfer.selected[:2], *transfer.pacs.others, *transfer.selected[2:])
    transfer.done()


def _sends_another_study(transfer: Transfer) -> None:
    transfer.send(*transfer.pacs.others)
    transfer.done()


def _grows(transfer: Transfer) -> None:
    """What was added came after the selection was made."""
    transfer.pacs.instances += transfer.pacs.others
    transfer.pacs.others = []
    honest(transfer)


def _keeps_growing(transfer: Transfer) -> None:
    honest(transfer)
    transfer.pacs.instances.append(_copied(transfer.pacs.instances[0], f"1.2.3.{len(transfer.pacs.instances)}"))


def _merges(transfer: Transfer) -> None:
    """The study gets another identifier while it is sent."""
    honest(transfer)
    if transfer.number == 1:
        transfer.pacs.instances = [_moved(instance, f"{instance.StudyInstanceUID}.1") for instance in transfer.selected]


def _becomes_another_patient_s(transfer: Transfer) -> None:
    honest(transfer)
    transfer.pacs.instances = deepcopy(transfer.pacs.instances)
    for instance in transfer.pacs.instances:
        instance.PatientID = "2000000000001"


def _shrinks(transfer: Transfer) -> None:
    honest(transfer)
    transfer.pacs.instances.pop()


def _miscounts(transfer: Transfer) -> None:
    transfer.pending(remaining=99)
    transfer.send(*transfer.selected)
    transfer.pending(remaining=0, completed=500)
    transfer.done(completed=1, failed=7)


def _sends_backwards(transfer: Transfer) -> None:
    transfer.send(*reversed(transfer.selected))
    transfer.done()


def _gives_them_other_uids(transfer: Transfer) -> None:
    transfer.send(*(_copied(instance, f"{instance.SOPInstanceUID}.7") for instance in transfer.selected))
    transfer.done()


def _sends_paths_for_uids(transfer: Transfer) -> None:
    transfer.send(*transfer.selected[:-1], _copied(transfer.selected[-1], "1.2.3/../../x"))
    transfer.done()


def _says_it_twice(transfer: Transfer) -> None:
    honest(transfer)
    transfer.done()


def _copied(instance: FileDataset, uid: str) -> FileDataset:
    copy = deepcopy(instance)
    copy.SOPInstanceUID = copy.file_meta.MediaStorageSOPInstanceUID = UID(uid)
    return copy


def _moved(instance: FileDataset, study: str) -> FileDataset:
    copy = deepcopy(instance)
    copy.StudyInstanceUID = study
    return copy


# Searches


def _studies(**values: object) -> Callable[[Search], Answers]:
    """Change the answers at the STUDY level."""

    def answer(search: Search) -> Answers:
        yield from pending(_changed(row, values) if search.level == "STUDY" else row for row in search.rows())

    return answer


def _only_studies(**values: object) -> Callable[[Search], Answers]:
    """The same, and refuse the levels below."""

    def answer(search: Search) -> Answers:
        if search.level != "STUDY":
            yield 0xA900, None
            return
        yield from pending(_changed(row, values) for row in search.rows())

    return answer


def _no_images(search: Search) -> Answers:
    if search.level == "IMAGE":
        yield 0xC000, None
        return
    yield from pending(search.rows())


def _lists_two(search: Search) -> Answers:
    yield from pending(search.rows()[:2] if search.level == "IMAGE" else search.rows())


def _images(**values: object) -> Callable[[Search], Answers]:
    def answer(search: Search) -> Answers:
        yield from pending(_changed(row, values) if search.level == "IMAGE" else row for row in search.rows())

    return answer


def _everything(search: Search) -> Answers:
    """Ignore the keys."""
    if search.level == "STUDY":
        search.identifier.AccessionNumber = ""
    search.pacs.instances, instances = [*search.pacs.instances, *search.pacs.others], search.pacs.instances
    try:
        yield from pending(search.rows())
    finally:
        search.pacs.instances = instances


def _others_images(search: Search) -> Answers:
    """Tell of another study's instances, too."""
    yield from pending(search.rows())
    if search.level == "IMAGE":
        for instance in search.pacs.others:
            row = Dataset()
            row.StudyInstanceUID, row.SeriesInstanceUID = instance.StudyInstanceUID, instance.SeriesInstanceUID
            row.SOPInstanceUID, row.SOPClassUID = instance.SOPInstanceUID, instance.SOPClassUID
            yield _PENDING, row


def _twice(search: Search) -> Answers:
    yield from pending([*search.rows(), *search.rows()])


def _many_rows(search: Search) -> Answers:
    rows = search.rows()
    for _ in range(100_000):
        if not search.pacs.over.is_set():
            yield _PENDING, rows[0]


def _dawdles(search: Search) -> Answers:
    rows = search.rows()
    while not search.pacs.over.wait(0.1):
        yield _PENDING, rows[0]


def _fails(status: int) -> Callable[[Search], Answers]:
    def answer(_: Search) -> Answers:
        yield status, None

    return answer


def _silent(search: Search) -> Answers:
    search.pacs.over.wait(30)
    yield from ()


def _misspelt(character_set: str) -> Callable[[Search], Answers]:
    """Write the name in cp1251 and call it something else, or nothing."""

    def answer(search: Search) -> Answers:
        for row in deepcopy(search.rows()):
            if "PatientName" in row:
                row.SpecificCharacterSet = character_set
                spelt = "Ковалевская^Софья".encode("cp1251")
                row.PatientName = PersonName(spelt, tuple(convert_encodings(character_set)))
                row.StudyDescription = ""
            yield _PENDING, row

    return answer


def _changed(row: Dataset, values: dict[str, object]) -> Dataset:
    row = deepcopy(row)  # its elements are those of the instances
    for keyword, value in values.items():
        setattr(row, keyword, value)
    return row


BEHAVIOURS: dict[str, Behaviour] = {
    "honest": Behaviour(),
    # What arrives is not what was promised
    "drops three": Behaviour(_first_only(_dropping(3))),
    "drops three and says so": Behaviour(_first_only(_dropping(3, 0xB000))),
    "drops one for ever": Behaviour(_never_sends_the_last),
    "drops a series": Behaviour(_first_only(_drops_a_series)),
    "knows no images": Behaviour(_knows_no_images),
    "succeeds with nothing": Behaviour(_succeeds_with_nothing),
    "succeeds and sends later": Behaviour(_succeeds_and_sends_later),
    "holds the last back": Behaviour(_holds_the_last_back),
    "sends one more later": Behaviour(_sends_all_and_one_more_later),
    "miscounts what it sends": Behaviour(_miscounts),
    "sends backwards": Behaviour(_sends_backwards),
    "says it is done twice": Behaviour(_says_it_twice),
    "sends twice": Behaviour(_sends_twice),
    "sends another under the same name": Behaviour(_sends_another_under_the_same_name),
    "gives them other uids": Behaviour(_gives_them_other_uids),
    "sends paths for uids": Behaviour(_sends_paths_for_uids),
    "sends another study too": Behaviour(_sends_another_study_too),
    "sends another study": Behaviour(_sends_another_study),
    # It stops
    "aborts midway": Behaviour(_first_only(_aborts_after(2))),
    "aborts and goes on": Behaviour(_first_only(_aborts_and_goes_on)),
    "aborts at once": Behaviour(_aborts_after(0)),
    "stops midway": Behaviour(_first_only(_stops_after(2))),
    "stops at once": Behaviour(_stops_after(0)),
    "says pending though done": Behaviour(_says_pending_though_done),
    "repeats the first": Behaviour(_repeats_the_first),
    "trickles": Behaviour(_trickles(0.35)),
    "trickles for too long": Behaviour(_trickles(0.9)),
    # What it answers to a C-MOVE
    "A801": Behaviour(_ends_with(0xA801)),
    "A702": Behaviour(_ends_with(0xA702)),
    "A701": Behaviour(_ends_with(0xA701)),
    "A900": Behaviour(_ends_with(0xA900)),
    "C000": Behaviour(_ends_with(0xC000)),
    "FE00": Behaviour(_ends_with(0xFE00)),
    "B000 with nothing": Behaviour(_ends_with(0xB000)),
    "0124": Behaviour(_ends_with(0x0124)),
    # How it calls us
    "no move originator": Behaviour(tells_originator=False),
    "one association": Behaviour(_first_only(_dropping(2)), one_association=True),
    "other calling title": Behaviour(calling="OTHER"),
    "unknown calling title": Behaviour(calling="STRANGER"),
    # The study changes
    "grows": Behaviour(_first_only(_grows)),
    "keeps growing": Behaviour(_keeps_growing),
    "merges": Behaviour(_merges),
    "shrinks": Behaviour(_first_only(_shrinks)),
    "becomes another patient's": Behaviour(_becomes_another_patient_s),
    # What it says it has
    "counts too few": Behaviour(find=_studies(NumberOfStudyRelatedInstances=1)),
    "counts too many": Behaviour(find=_studies(NumberOfStudyRelatedInstances=7)),
    "counts in words": Behaviour(find=_studies(NumberOfStudyRelatedInstances=None)),
    "cuts its list short": Behaviour(find=_lists_two),
    "cuts its list short and drops": Behaviour(_never_sends_the_last, find=_lists_two),
    "lists no images": Behaviour(find=_no_images),
    "only studies": Behaviour(_first_only(_dropping(2)), find=_only_studies()),
    "only studies, too many": Behaviour(find=_only_studies(NumberOfStudyRelatedInstances=7)),
    "only studies, too few": Behaviour(find=_only_studies(NumberOfStudyRelatedInstances=3)),
    "only studies, no count": Behaviour(find=_only_studies(NumberOfStudyRelatedInstances=None)),
    "lists paths for uids": Behaviour(find=_images(SOPInstanceUID="../../etc/passwd")),
    "lists no class": Behaviour(find=_images(SOPClassUID="")),
    "lists another study's images": Behaviour(find=_others_images),
    "answers twice": Behaviour(find=_twice),
    "ignores the keys": Behaviour(find=_everything),
    "blank accession number": Behaviour(find=_studies(AccessionNumber="")),
    "pattern for an accession number": Behaviour(find=_studies(AccessionNumber="*")),
    "another accession number": Behaviour(find=_studies(AccessionNumber="KP125706548L2")),
    "another patient": Behaviour(find=_studies(PatientID="2000000000001")),
    "no patient": Behaviour(find=_studies(PatientID="")),
    "a path for a study": Behaviour(find=_studies(StudyInstanceUID="../../etc/passwd")),
    "1e5 rows": Behaviour(find=_many_rows),
    "searches without end": Behaviour(find=_dawdles),
    "searches in silence": Behaviour(find=_silent),
    "search A700": Behaviour(find=_fails(0xA700)),
    "search C001": Behaviour(find=_fails(0xC001)),
    "cp1251 called ISO_IR 100": Behaviour(find=_misspelt("ISO_IR 100")),
    "cp1251 called nothing": Behaviour(find=_misspelt("")),
    "cp1251 called UTF-8": Behaviour(find=_misspelt("ISO_IR 192")),
    # It does not accept the association: result, source, reason
    "rejects our title": Behaviour(rejects=(1, 1, 3)),
    "rejects its own title": Behaviour(rejects=(1, 1, 7)),
    "rejects its own title for now": Behaviour(rejects=(2, 1, 7)),
    "rejects the application context": Behaviour(rejects=(1, 1, 2)),
    "rejects without a reason": Behaviour(rejects=(1, 1, 1)),
    "rejects for now": Behaviour(rejects=(2, 1, 1)),
    "rejects the protocol": Behaviour(rejects=(1, 2, 2)),
    "is congested": Behaviour(rejects=(2, 3, 1)),
    "is full": Behaviour(rejects=(2, 3, 2)),
    "is full for good": Behaviour(rejects=(1, 3, 2)),
}
