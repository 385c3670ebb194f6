"""What it means that a PACS rejects an association (A-ASSOCIATE-RJ, PS3.8 9.3.4)."""

from dataclasses import dataclass

from studypub.errors import Sentence

_PERMANENT = 1


@dataclass(frozen=True, slots=True)
class Refusal:
    """Whether asking again can help, and why it was rejected; `{ours}` and `{pacs}` are the AE titles."""

    for_good: bool
    reason: Sentence


_UNKNOWN = Sentence(
    "он не принимает соединения от AE title {ours}, не говоря почему",
    "it does not accept connections from the AE title {ours} and does not say why",
)
_FULL = Sentence("занят: слишком много соединений", "busy: too many connections")
# By source and reason. What is a matter of settings stays so whatever `result` says, and congestion passes.
_REFUSALS = {
    (1, 2): Refusal(True, Sentence("он не понимает DICOM этого вида", "it does not know this application context")),
    (1, 3): Refusal(
        True,
        Sentence(
            "AE title {ours} в нём не зарегистрирован (или зарегистрирован с другим адресом)",
            "the AE title {ours} is not registered there (or with another address)",
        ),
    ),
    (1, 7): Refusal(
        True,
        Sentence(
            "он сам называется иначе, не {pacs}: проверьте ae_title этого PACS в настройках",
            "its own AE title is not {pacs}: check the ae_title of this PACS in the configuration",
        ),
    ),
    (2, 2): Refusal(True, Sentence("у него другая версия протокола", "its version of the protocol is another")),
    (3, 1): Refusal(False, _FULL),
    (3, 2): Refusal(False, _FULL),
}


def judge(result: int | None, source: int | None, reason: int | None) -> Refusal:
    """Return what a rejection means; what the Standard does not name is judged by its `result`."""
    return _REFUSALS.get((source or 0, reason or 0), Refusal(result == _PERMANENT, _UNKNOWN))
