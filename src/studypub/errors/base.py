"""What every error of ours says: whether time may heal it, its code, and a sentence in both languages."""

from typing import ClassVar, NamedTuple


class Sentence(NamedTuple):
    """One plain sentence in both languages; `{name}` marks a parameter."""

    ru: str
    en: str

    def filled(self, **parameters: object) -> "Sentence":
        """Return the sentence with its parameters written in."""
        return Sentence(self.ru.format(**parameters), self.en.format(**parameters))


_AGAIN = Sentence("Задание повторится само.", "The task will be tried again by itself.")


class StudypubError(Exception):
    """An outcome that is known: `retry` says whether time may heal it, `code` names it, `sentence` says what to do.

    The text given to the constructor is the technical cause: it goes to the log and to nobody else.
    """

    code: ClassVar[str] = "INTERNAL"
    retry: ClassVar[bool] = False
    template: ClassVar[Sentence] = Sentence(
        "Внутренняя ошибка. Повторите позже; если не поможет, обратитесь к администратору.",
        "Internal error. Try again later; if it does not help, ask the administrator.",
    )

    def __init__(self, cause: str = "", **parameters: object) -> None:
        super().__init__(cause or self.code)
        self.sentence = self.template.filled(**parameters)
        self.parameters = parameters

    @property
    def postponed(self) -> Sentence:
        """The sentence, for whoever waits while a task is to be tried again; one that has failed promises nothing."""
        if not self.retry:
            return self.sentence
        return Sentence(f"{self.sentence.ru} {_AGAIN.ru}", f"{self.sentence.en} {_AGAIN.en}")


class InternalError(StudypubError):
    """Something that we did not foresee; tried again, since most of it passes."""

    retry = True

    @property
    def postponed(self) -> Sentence:
        """Ask nobody to do what comes by itself."""
        return Sentence(
            "Внутренняя ошибка. Задание повторится само; если не поможет, обратитесь к администратору.",
            "Internal error. The task will be tried again by itself; if that does not help, ask the administrator.",
        )


class SetAside(StudypubError):
    """A task that was begun too often and never came to an end, most likely because it ends its process."""

    template = Sentence(
        "Задание прервалось {attempts} раз подряд и отложено. Обратитесь к администратору.",
        "The task broke off {attempts} times in a row and was set aside. Ask the administrator.",
    )
