"""Words the answer to a message: an ACK that says what became of it (HL7 2.9)."""

from datetime import datetime
from typing import NamedTuple
from uuid import uuid4

from studypub.errors import Sentence
from studypub.hl7.message import Header

_LONGEST_TEXT = 200
_ENHANCED = ("AL", "ER", "SU")


class Outcome(NamedTuple):
    """What became of a message. `code`: accepted (A), wrong in itself (E), or not now (R), to be sent again.

    `condition` is of HL7 table 0357.
    """

    code: str
    sentence: Sentence = Sentence("", "")
    condition: str = ""


def acknowledged(header: Header, outcome: Outcome, now: datetime) -> bytes:
    """Return the answer, in the letters of the message; in Russian where those have it."""
    text = outcome.sentence.ru
    codec = header.codec or "latin-1"
    if text.encode(codec, errors="replace").decode(codec) != text:
        text = outcome.sentence.en
    text = _escaped(header, text[:_LONGEST_TEXT])
    mode = "C" if header[15] in _ENHANCED else "A"
    between = header.separator
    kind = between.join(["ACK", *header[9].split(between)[1:2], "ACK"])
    parties = [header[number] for number in (5, 6, 3, 4)]  # whom it was for, and who sent it, change places
    moment, name = now.strftime("%Y%m%d%H%M%S%z"), uuid4().hex[:20]
    unused = [""] * 5
    segments = [
        ["MSH", header[2], *parties, moment, "", kind, name, header[11], header[12], *unused, header[18]],
        ["MSA", mode + outcome.code, header[10], text],
    ]
    if outcome.condition:
        segments.append(["ERR", "", "", f"{outcome.condition}{between * 2}HL70357", "E", "", "", "", text])
    return "".join(header[1].join(fields).rstrip(header[1]) + "\r" for fields in segments).encode(codec, "replace")


def _escaped(header: Header, text: str) -> str:
    """Hide what would separate, or end a segment (HL7 2.7.1)."""
    escape = header[2][2:3] or "\\"
    separators = zip((header[1], *header[2]), "FSRET", strict=False)
    hidden = {ord(separator): f"{escape}{letter}{escape}" for separator, letter in separators}
    return text.translate({ord("\r"): " ", ord("\n"): " ", **hidden})
