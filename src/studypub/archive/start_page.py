"""The page inside an archive that shows its images to whoever has no viewer, in Russian and in English."""

from collections.abc import Iterable, Iterator
from html import escape
from typing import Final

from studypub.core.preview import Preview, Series

NAME: Final = "INDEX.HTM"
_FOLDER: Final = "PREVIEW"
# What a name of eight characters has room for.
_MOST_SERIES, _MOST_PICTURES = 99, 9999

_HEAD: Final = """\
<!doctype html>
<html lang="ru">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Медицинские снимки · Medical images</title>
<style>
body { margin: 0 auto; max-width: 80rem; padding: 1rem; background: #111; color: #eee; font: 1rem/1.5 sans-serif }
h1 { font-size: 1.5rem }
h2 { margin: 2rem 0 .5rem; font-size: 1.125rem }
img { max-width: 100%; height: auto; margin: 0 .25rem .25rem 0; background: #000 }
.en { color: #bbb }
</style>
</head>
<body>
<h1>Медицинские снимки <span class="en" lang="en">· Medical images</span></h1>
<p>Это уменьшенные картинки, чтобы посмотреть. Для заключения врачу нужны сами снимки: их открывает программа
для просмотра DICOM, файл DICOMDIR или папку DICOM рядом с этой страницей. Как это сделать, сказано в README.txt.</p>
<p class="en" lang="en">These are small pictures, to have a look. For a report the doctor needs the images themselves:
a DICOM viewer opens them, by the file DICOMDIR or the folder DICOM beside this page. README.txt tells how.</p>
"""
_HELD_BACK: Final = """\
<h2>Не опубликовано, есть в клинике <span class="en" lang="en">· Not published, the clinic has it</span></h2>
"""
_TAIL: Final = "</body>\n</html>\n"
TEXTS: Final = tuple(text.encode() for text in (_HEAD, _HELD_BACK))


def members(preview: Preview, pictures: Iterable[bytes]) -> Iterator[tuple[str, bytes]]:
    """Yield the page and the pictures that it shows, each with its name; `pictures` are the parts of the preview."""
    names = {part: name for series in _named(preview) for part, name in series[1].items()}
    yield NAME, _page(preview)
    for part, content in enumerate(pictures):
        if part in names:
            yield names[part], content


def _named(preview: Preview) -> Iterator[tuple[Series, dict[int, str]]]:
    """Yield each series with the names of its pictures, as its own window shows them, by their parts."""
    for number, series in enumerate(preview.series[:_MOST_SERIES], 1):
        parts = [picture.part for picture in series.stacks[0].pictures if picture.part is not None]
        numbered = enumerate(parts[:_MOST_PICTURES], 1)
        yield series, {part: f"{_FOLDER}/S{number:02}I{place:04}.JPG" for place, part in numbered}


def _page(preview: Preview) -> bytes:
    sections = [_section(series, names) for series, names in _named(preview)]
    held_back = [f"<li>{escape(said.ru)} · {escape(said.en)}: {count}</li>\n" for said, count in preview.held_back]
    rest = [_HELD_BACK, "<ul>\n", *held_back, "</ul>\n"] if held_back else []
    return "".join([_HEAD, *sections, *rest, _TAIL]).encode()


def _section(series: Series, names: dict[int, str]) -> str:
    title = escape(series.title or series.modality)
    shown = f'{len(names)} из {series.images} <span class="en" lang="en">· {len(names)} of {series.images}</span>'
    pictures = "".join(f'<img src="{name}" loading="lazy" alt="">\n' for name in names.values())
    return f"<h2>{title}: {shown}</h2>\n<div>\n{pictures}</div>\n"
