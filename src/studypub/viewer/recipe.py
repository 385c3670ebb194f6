"""Makes of what npm carries what we serve: the files that a browser can ask for, below an address of ours."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from studypub.errors import Refused
from studypub.viewer import edition

MAIN: Final = re.compile(r"app\.bundle\.[0-9a-f]{16}\.js")
STYLES: Final = "app.bundle.css"
# What its build makes. Left out are 160 MB that other uses need: models, microscopy, sign-in, offline use, icons.
_SERVED: Final = re.compile(
    r"[A-Za-z0-9-]+\.bundle\.[0-9a-f]{16}\.js|(app\.bundle|[0-9]+)\.css|[0-9a-f]{16}\.(wasm|woff2)|assets/images/[\w-]+\.png"
)
_CHUNKS: Final = re.compile(
    r'return "" \+ (?:\((\{[^}]*\})\[chunkId\] \|\| chunkId\)|chunkId) \+ "\.bundle\." \+ (\{[^}]*\})\[chunkId\]'
)
_WORKER: Final = re.compile(
    r"new Worker\(new URL\(/\* worker import \*/__webpack_require__\.p \+ __webpack_require__\.u\(([0-9]+)\)"
)
_ROOT_IN_SCRIPT: Final = b'__webpack_require__.p = "/"'
_ROOT_IN_STYLE: Final = b"url(/"


@dataclass(frozen=True, slots=True)
class Viewer:
    """The files that are served, by their names; which are the page's script and its styles, and which one decodes."""

    files: Mapping[str, bytes]
    main: str
    styles: str
    decoder: str


def is_served(name: str) -> bool:
    """Whether a file of the package's `dist` is one that we serve."""
    return _SERVED.fullmatch(name) is not None


def made(files: Mapping[str, bytes]) -> Viewer:
    """Return the viewer that these files of `dist` make.

    Raises Refused where they are not what is known of this version: a page that fails would tell it to a patient.
    """
    main = _only("the main script", [name for name in files if MAIN.fullmatch(name)])
    _require(STYLES in files, f"{STYLES} is missing")
    text = files[main].decode()
    decoder = _only("the script that decodes", _named(text, _WORKER.findall(text)))
    mentioned = {name for name, content in files.items() if name.endswith(".js") for name in _chunks(content.decode())}
    _require(mentioned <= files.keys(), f"scripts are missing: {sorted(mentioned - files.keys())}")
    _require(decoder in files, f"{decoder} is missing")
    absent = [name for name in edition.NAMES if not any(name.encode() in content for content in files.values())]
    _require(not absent, f"these names have gone: {absent}")
    return Viewer(_moved(files), main, STYLES, decoder)


def notices(files: Mapping[str, bytes]) -> str:
    """Return what scripts say of their licences: comments, which minifying drops."""
    comments = {
        comment.strip()
        for name, content in files.items()
        if name.endswith(".js")
        for comment in re.findall(r"/\*.*?\*/", content.decode(), re.DOTALL)
        if re.search(r"copyright|licen[cs]e", comment, re.IGNORECASE) and len(comment) < 5000
    }
    return "\n\n".join(sorted(comments)) + "\n"


def _moved(files: Mapping[str, bytes]) -> dict[str, bytes]:
    place = edition.ADDRESS.encode()
    scripts = sum(content.count(_ROOT_IN_SCRIPT) for name, content in files.items() if name.endswith(".js"))
    styles = sum(content.count(_ROOT_IN_STYLE) for name, content in files.items() if name.endswith(".css"))
    found, known = (scripts, styles), (edition.ROOTS_IN_SCRIPTS, edition.ROOTS_IN_STYLES)
    _require(found == known, f"its place is compiled in {found} times, not {known}")
    swaps = {
        ".js": (_ROOT_IN_SCRIPT, _ROOT_IN_SCRIPT.replace(b"/", place)),
        ".css": (_ROOT_IN_STYLE, b"url(" + place),
    }
    return {
        name: content.replace(*swap) if (swap := swaps.get(name[name.rindex(".") :])) else content
        for name, content in files.items()
    }


def _chunks(script: str) -> set[str]:
    """Return the names of all scripts that this one may load."""
    found = set()
    for names, digests in _CHUNKS.findall(script):
        named = dict(re.findall(r'([0-9]+): "([^"]+)"', names))
        found |= {
            f"{named.get(chunk, chunk)}.bundle.{digest}.js"
            for chunk, digest in re.findall(r'([0-9]+): "([0-9a-f]{16})"', digests)
        }
    return found


def _named(script: str, chunks: Iterable[str]) -> list[str]:
    return [name for chunk in chunks for name in _chunks(script) if name.startswith(f"{chunk}.bundle.")]


def _only(what: str, found: list[str]) -> str:
    _require(len(found) == 1, f"{what}: one was expected, there are {len(found)}")
    return found[0]


def _require(holds: bool, problem: str) -> None:
    if not holds:
        raise Refused(
            reason_ru=f"Этот OHIF Viewer устроен не так, как известная нам версия {edition.VERSION}: {problem}.",
            reason_en=f"This OHIF Viewer is not built as the version {edition.VERSION} that we know: {problem}.",
        )
