"""What can go wrong with a download."""

from studypub.errors import Refused, Sentence, StudypubError


class Again(StudypubError):
    """The next try may succeed; `wait`: not before so many seconds."""

    retry = True
    template = Sentence(
        "Связь прерывается, скачать не удаётся. Запустите команду ещё раз: она продолжит с того же места.",
        "The connection breaks, and nothing more arrives. Run the command again: it goes on from where it was.",
    )

    def __init__(self, cause: str, wait: float | None = None) -> None:
        super().__init__(cause)
        self.wait = wait


class NotALink(StudypubError):
    """It does not look like a link of ours."""

    code = "NOT_A_LINK"
    template = Sentence(
        "Это не ссылка на исследование. Она выглядит так: https://адрес/s/…",
        "This is no link to a study. One looks like https://address/s/…",
    )


class LinkRefused(Refused):
    """The link opens nothing."""


class PinNeeded(StudypubError):
    """A PIN protects the link."""

    code = "PIN_NEEDED"
    template = Sentence("Ссылка защищена ПИН-кодом.", "A PIN protects this link.")


class WrongPin(StudypubError):
    """Another PIN protects the link."""

    code = "WRONG_PIN"
    template = Sentence("ПИН-код не подходит.", "This PIN is wrong.")


class DownloadDiffers(StudypubError):
    """What arrived is not what was offered."""

    code = "DOWNLOAD_DIFFERS"
    template = Sentence(
        "Скачанный файл повреждён и удалён. Запустите команду ещё раз.",
        "The file arrived damaged and was deleted. Run the command again.",
    )


class FolderUnusable(StudypubError):
    """Nothing can be written there."""

    code = "FOLDER_UNUSABLE"
    template = Sentence(
        "В папку {folder} нельзя записать: {problem}.", "Nothing can be written into the folder {folder}: {problem}."
    )


class NoRoom(StudypubError):
    """The disk has too little room."""

    code = "NO_ROOM"
    template = Sentence(
        "Мало места на диске: нужно ещё {megabytes} МБ.", "The disk is short of room: {megabytes} MB more are needed."
    )


class AlreadyDownloading(StudypubError):
    """Another process downloads the same."""

    code = "ALREADY_DOWNLOADING"
    template = Sentence("Этот архив уже скачивается.", "This archive is being downloaded already.")
