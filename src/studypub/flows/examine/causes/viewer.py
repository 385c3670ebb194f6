"""Whether links can be opened in OHIF Viewer."""

from studypub.errors import Sentence
from studypub.flows.examine.finding import passed

INSTALLED = passed(
    "VIEWER_INSTALLED",
    "OHIF Viewer {version} установлен: ссылки открываются в нём.",
    "OHIF Viewer {version} is installed: links can be opened in it.",
)
NOT_INSTALLED = passed(
    "VIEWER_NOT_INSTALLED",
    "OHIF Viewer {version} не установлен: ссылки предлагают картинки и архив.",
    "OHIF Viewer {version} is not installed: links offer the pictures and the archive.",
    Sentence("Чтобы установить: studypub viewer install.", "To install it: studypub viewer install."),
)
