"""What an examination finds: a cause with its code and its words, and what to do about it."""

from dataclasses import dataclass
from enum import StrEnum

from studypub.errors import Sentence

_NOTHING = Sentence("", "")
_LONGEST = 300  # characters of what somebody else has said


class Level(StrEnum):
    """Whether a part works, works with something to look at, or does not."""

    PASSED = "passed"
    WARNED = "warned"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the examination; `clinic` is the code of the clinic whose PACS it is about, or empty."""

    code: str
    level: Level
    sentence: Sentence
    remedy: Sentence = _NOTHING
    clinic: str = ""

    @property
    def part(self) -> str:
        """What it is about: the first word of the code."""
        return self.code.partition("_")[0].lower()

    @property
    def passed(self) -> bool:
        """Whether nothing fails; a warning is none."""
        return self.level is not Level.FAILED

    @property
    def warned(self) -> bool:
        """Whether somebody should look at it."""
        return self.level is Level.WARNED


@dataclass(frozen=True, slots=True)
class Cause:
    """Something that can be found, by a code that stays what it is; `{name}` in its words marks a parameter."""

    code: str
    level: Level
    sentence: Sentence
    remedy: Sentence = _NOTHING

    def found(self, clinic: str = "", /, **parameters: object) -> Finding:
        """Return the finding, with the parameters written in; `clinic` is the code of the clinic it is about."""
        fit = {name: printable(value) if isinstance(value, str) else value for name, value in parameters.items()}
        return Finding(self.code, self.level, self.sentence.filled(**fit), self.remedy.filled(**fit), clinic)


def printable(text: str) -> str:
    """Return what somebody else has said, fit to be printed in a terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)[:_LONGEST]


def passed(code: str, ru: str, en: str, remedy: Sentence = _NOTHING) -> Cause:
    """Return a cause for joy."""
    return Cause(code, Level.PASSED, Sentence(ru, en), remedy)


def warned(code: str, said: Sentence, remedy: Sentence) -> Cause:
    """Return a cause for a look."""
    return Cause(code, Level.WARNED, said, remedy)


def failed(code: str, said: Sentence, remedy: Sentence) -> Cause:
    """Return a cause for action."""
    return Cause(code, Level.FAILED, said, remedy)
