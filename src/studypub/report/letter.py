"""Sets a doctor's text as a PDF under the clinic's letterhead."""

import unicodedata
from functools import cache
from html import escape
from importlib import resources
from io import BytesIO
from typing import Any, Final

from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import HRFlowable, Paragraph, SimpleDocTemplate, Spacer

from studypub.core.report import LONGEST_TEXT
from studypub.errors import ReportUnusable

_FONT: Final = "DejaVu Sans"
_MARGIN: Final = 20 * mm
_TEXT: Final = 10.5
_SMALL: Final = 9


def typeset(text: str, clinic: str, phone: str) -> bytes:
    """Return the text as a PDF on A4, lines as they are and wrapped. Raises ReportUnusable."""
    lines = _lines(text)
    _register_font()
    plain = ParagraphStyle("text", fontName=_FONT, fontSize=_TEXT, leading=_TEXT * 1.4, splitLongWords=True)
    small = ParagraphStyle("small", plain, fontSize=_SMALL, leading=_SMALL * 1.4)
    head = [Paragraph(escape(clinic), ParagraphStyle("clinic", plain, fontSize=14, leading=18))]
    head += [Paragraph(escape(phone), small)] if phone else []
    body = [Paragraph(_marked(line), plain) if line else Spacer(1, _TEXT * 0.7) for line in lines]
    written = BytesIO()
    document = SimpleDocTemplate(
        written, pagesize=A4, leftMargin=_MARGIN, rightMargin=_MARGIN, topMargin=_MARGIN, bottomMargin=_MARGIN
    )
    rule = HRFlowable(width="100%", thickness=0.7, color="black", spaceBefore=3 * mm, spaceAfter=5 * mm)
    document.build([*head, rule, *body], onFirstPage=_numbered, onLaterPages=_numbered)
    return written.getvalue()


def _lines(text: str) -> list[str]:
    if len(text) > LONGEST_TEXT:
        raise ReportUnusable(
            reason_ru=f"текст длиннее {LONGEST_TEXT} знаков", reason_en=f"more than {LONGEST_TEXT} characters"
        )
    lines = [_printable(line).rstrip() for line in text.removeprefix("\ufeff").expandtabs(4).splitlines()]
    if not any(lines):
        raise ReportUnusable(reason_ru="текст пуст", reason_en="the text is empty")
    while not lines[-1]:
        lines.pop()
    return lines


def _printable(line: str) -> str:
    composed = unicodedata.normalize("NFC", line)
    return "".join(sign for sign in composed if unicodedata.category(sign) not in {"Cc", "Cf", "Cs", "Co", "Cn"})


def _marked(line: str) -> str:
    """Return a line as reportlab's markup, its indent kept."""
    text = line.lstrip(" ")
    return "&nbsp;" * min(len(line) - len(text), 40) + escape(text)


def _numbered(canvas: Any, document: Any) -> None:
    canvas.setFont(_FONT, _SMALL)
    canvas.drawRightString(A4[0] - _MARGIN, _MARGIN / 2, str(document.page))


@cache
def _register_font() -> None:
    with resources.as_file(resources.files("studypub.report") / "data" / "DejaVuSans.ttf") as path:
        pdfmetrics.registerFont(TTFont(_FONT, str(path)))
