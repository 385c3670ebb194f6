"""Whether text in images can be read."""

from studypub.errors import Sentence
from studypub.flows.examine.finding import failed, passed

READ = passed("TEXT_READ", "Надписи на снимках распознаются (Tesseract).", "Text in images is recognised.")
UNREAD = failed(
    "TEXT_UNREAD",
    Sentence(
        "Надписи на снимках распознать нечем: УЗИ и другие снимки, на которых они бывают, не публикуются.",
        "Text in images cannot be recognised: ultrasound and other images that may show it are not published.",
    ),
    Sentence(
        "Установите Tesseract: apt install tesseract-ocr tesseract-ocr-rus.",
        "Install Tesseract: apt install tesseract-ocr tesseract-ocr-rus.",
    ),
)
