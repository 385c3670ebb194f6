"""The manual in docs/ tells of the program as it is, and says the same in Russian and in English."""

import ast
import importlib
import json
import pkgutil
import re
import shlex
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from pynetdicom import AllStoragePresentationContexts

import studypub
from studypub import config
from studypub.cli import _parser
from studypub.config import Config
from studypub.core.task import Status
from studypub.deid.reasons import Reason
from studypub.dicom import rows
from studypub.dicom.limits import Limits
from studypub.dicom.scp import STORAGE_SYNTAXES
from studypub.errors import StudypubError
from studypub.web import words
from studypub.web.catalogue import Texts

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))
ENGLISH = [page for page in PAGES if not page.name.endswith(".ru.md")]
# In both languages on one page; and facts for programmers, about other people's programs.
ALONE = {"deidentification.md", "pacs-facts.md"}
IN_TWO = [page.stem for page in ENGLISH if page.name not in ALONE]
LANGUAGES = ("", ".ru")


def text_of(name: str) -> str:
    return (DOCS / name).read_text("utf-8")


def blocks(text: str, kind: str = "[a-z]*") -> list[str]:
    return re.findall(rf"^ *```{kind}\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)


def uncommented(block: str) -> str:
    return re.sub(r"(^|\s)#.*", "", block)


def tables(text: str) -> list[str]:
    """Return the sections that the configurations in a text have; a language of its own each may name."""
    return re.findall(r"^ *(\[+[\w.]+\]+)", "\n".join(blocks(text, "toml")), re.MULTILINE)


def without_blocks(text: str) -> str:
    return re.sub(r"^ *```.*?^ *```", "", text, flags=re.MULTILINE | re.DOTALL)


def headings(text: str) -> list[tuple[str, str]]:
    return re.findall(r"^(#+) (.+)$", without_blocks(text), re.MULTILINE)


def named(heading: str) -> list[str]:
    """Return what a heading names that is called so in every language."""
    return re.findall(r"`[^`]+`", heading)


def anchors(text: str) -> set[str]:
    """Return what headings can be pointed to by, as GitHub makes it of them."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for _, heading in headings(text)}


def links(text: str) -> list[str]:
    return [
        *re.findall(r"\]\(([^)\s]+)\)", without_blocks(text)),
        *re.findall(r'(?:src|href)="([^"]+)"', without_blocks(text)),
    ]


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md"], ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    text = page.read_text("utf-8")
    lost = []
    for link in links(text):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and anchor not in anchors(target.read_text("utf-8"))):
            lost.append(link)
    assert lost == []


@pytest.mark.parametrize("name", IN_TWO)
def test_both_languages_have_the_same_sections(name: str) -> None:
    english, russian = (text_of(f"{name}{language}.md") for language in LANGUAGES)
    assert [level for level, _ in headings(english)] == [level for level, _ in headings(russian)]
    assert [named(heading) for _, heading in headings(english)] == [named(heading) for _, heading in headings(russian)]
    for kind in ("json", "sh"):
        assert [uncommented(block) for block in blocks(english, kind)] == [
            uncommented(block) for block in blocks(russian, kind)
        ]
    assert tables(english) == tables(russian)
    assert len(re.findall(r"^\|", english, re.MULTILINE)) == len(re.findall(r"^\|", russian, re.MULTILINE))
    same = [[link for link in links(text) if link.endswith(".png")] for text in (english, russian)]
    assert same[0] == same[1]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_contents_name_every_page(language: str) -> None:
    pointed = {link.partition("#")[0] for link in links(text_of(f"README{language}.md"))}
    assert {f"{name}{language}.md" for name in IN_TWO if name != "README"} | ALONE <= pointed


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_configurations_can_be_used(page: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret\n")
    for block in blocks(page.read_text("utf-8"), "toml"):
        text = completed(re.sub(r'(_file = )"[^"]+"', rf'\1"{tmp_path}/secret"', block))
        file = tmp_path / "config.toml"
        file.write_text(text, "utf-8")
        read = config.load(file, {})
        assert read.storage.kind == tomllib.loads(text).get("storage", {}).get("kind", "local")


def completed(block: str) -> str:
    """Return a configuration of which a manual shows only a part of a clinic's."""
    clinic = '[[clinics]]\ncode = "a"\nname = "A"\n'
    pacs = '[clinics.pacs]\nae_title = "A"\nhost = "a"\nport = 104\n'
    if "[[clinics]]" in block or "[clinics." not in block:
        return block
    return f"{clinic}{'' if '[clinics.pacs]' in block else pacs}{block}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_provider_of_storage_has_its_settings(language: str) -> None:
    sections = dict(re.findall(r"^## ([^\n]+)\n(.*?)(?=^## )", text_of(f"s3{language}.md"), re.MULTILINE | re.DOTALL))
    for name in ("Yandex Object Storage", "Selectel", "VK Cloud", "AWS", "Ceph RGW", "Garage"):
        (settings,) = blocks(sections[name], "toml")
        given = tomllib.loads(settings)["storage"]
        assert (given["kind"], given["s3"]["endpoint"][:8]) == ("s3", "https://")
        assert {"region", "bucket", "access_key_file", "secret_key_file"} <= set(given["s3"])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_other_programs_files_can_be_read(page: Path) -> None:
    for block in blocks(page.read_text("utf-8"), "json"):
        json.loads(block if block.startswith("{") else f"{{{block}}}")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_are_known(page: Path) -> None:
    text = page.read_text("utf-8")
    for line in commands(text):
        typed = shlex.split(line.removeprefix("sudo -u studypub "))
        if typed[0] == "studypub":
            _parser().parse_args(typed[1:])
    for mentioned in re.findall(r"`studypub((?: [a-z][a-z-]*)+)", without_blocks(text)):
        with pytest.raises(SystemExit) as ended:
            _parser().parse_args([*mentioned.split(), "--help"])
        assert ended.value.code == 0, mentioned


def commands(text: str) -> Iterator[str]:
    """Yield what is to be typed, each command of a pipe or a list for itself."""
    for block in blocks(text, "sh"):
        for line in block.replace("\\\n", " ").splitlines():
            yield from (part.strip() for part in re.split(r"&&|\|\||;", line.partition(" | ")[0]) if part.strip())


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_code_has_an_entry(language: str) -> None:
    text = text_of(f"troubleshooting{language}.md")
    entries = re.findall(r"^### `([A-Z_]+)`\n\n(.*?)(?=^#)", text, re.MULTILINE | re.DOTALL)
    in_tables = re.findall(r"^\| `([A-Z_]+)` \| [^|]+ \|$", text, re.MULTILINE)
    assert sorted([*(code for code, _ in entries), *in_tables]) == sorted(codes())
    for code, entry in entries:
        assert len(re.findall(r"^- \*\*[^*]+:\*\* \S", entry, re.MULTILINE)) == 4, code


def codes() -> set[str]:
    """Return the code of every error of the program, wherever it is declared."""
    for module in pkgutil.walk_packages(studypub.__path__, "studypub."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    kinds, found = [StudypubError], set()
    while kinds:
        kind = kinds.pop()
        kinds += kind.__subclasses__()
        found.add(kind.code)
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_reason_to_leave_out_is_told(language: str) -> None:
    text = text_of(f"troubleshooting{language}.md")
    told = dict(re.findall(r"^\| `([a-z_]+)` \| [^|]+\| (?:`([a-z]+)` )?\|$", text, re.MULTILINE))
    assert set(told) == {reason.value for reason in Reason}
    assert told.pop("text_may_remain") == "unsure"
    assert told == {reason.value: reason.policy or "" for reason in Reason if reason.value in told}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_refusal_of_the_listener_is_told(language: str) -> None:
    text = text_of(f"troubleshooting{language}.md")
    modules = ("association", "connection", "listener", "messages", "receive", "refusals", "scp", "visitors")
    said = {words for name in modules for words in russian(ROOT / f"src/studypub/dicom/{name}.py")}
    assert len(said) > 20
    assert {words for words in said if f"`{words.rstrip(' (')}" not in text} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_lines_of_the_log_are_quoted_as_they_are(page: Path) -> None:
    quoted = re.findall(r"`([А-Я][^`\n]*[а-я][^`\n]*)`", without_blocks(page.read_text("utf-8")))
    pieces = {piece.strip() for line in quoted for piece in re.split(r"…|: ", line)}
    assert {piece for piece in pieces if not all(part in every_text() for part in piece.split(" ", 1))} == set()


@cache
def every_text() -> str:
    """Return all Russian texts of the program."""
    return "\n".join(words for path in (ROOT / "src/studypub").rglob("*.py") for words in russian(path))


def russian(path: Path) -> Iterator[str]:
    """Yield the Russian texts of a module, its docstrings aside."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and re.search("[а-яё]", node.value):
            yield node.value


@pytest.mark.parametrize("language", LANGUAGES)
def test_states_are_called_as_in_the_queue(language: str) -> None:
    table = text_of(f"registrator{language}.md").split("|---|---|---|\n", 1)[1].split("\n\n", 1)[0]
    say = Texts("ru" if language else "en").text
    assert [row.split("|")[1].strip() for row in table.splitlines()] == [say(words.status(value)) for value in Status]


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_a_pacs_is_told_of_us_is_true(language: str) -> None:
    text = text_of(f"pacs{language}.md")
    listed = re.search(r"^- \*\*[^*]+:\*\* 1\.2\.840\.10008\.1\.2\.1 .*?(?=^- )", text, re.MULTILINE | re.DOTALL)
    assert listed
    family = "1.2.840.10008.1.2.4"
    told = re.findall(r"1\.2\.840[\d.]+\d", listed[0]) + [family + end for end in re.findall(r" (\.\d+)", listed[0])]
    # Those that a stream may be cut into are the same codings once more.
    assert set(told) == {syntax for syntax in STORAGE_SYNTAXES if "Fragmentable" not in syntax.name}
    assert f" {len(AllStoragePresentationContexts)} " in text
    asked = {element.keyword for element in rows.studies_of("1")} - {"SpecificCharacterSet", "QueryRetrieveLevel"}
    assert asked == set(re.findall(r"`([A-Z][A-Za-z]+)`", re.findall(r"STUDY:\*\*(.*?)\.\s", text, re.DOTALL)[0]))
    assert str(Config().dicom.connections_per_peer) in text.partition("`dicom.connections_per_peer`")[0].split()[-6:]
    assert f"`workers.concurrency` ({Config().workers.concurrency})" in text
    assert f"... {Limits().largest_pdu}\n" in text
