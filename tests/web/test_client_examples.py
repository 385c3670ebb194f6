"""The client examples of the manual do what it says, as they stand there, against a served site."""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest
from tests.peers import panel
from tests.web.conftest import KHIMKI, Site

from studypub.core.request import FIELDS
from studypub.core.task import Status
from studypub.web.api.schema import openapi

DOCS = Path(__file__).parents[2] / "docs"
LANGUAGES = ("", ".ru")
ACCESSION_NUMBER = "KP125706548L"


def examples(language: str, kind: str) -> list[str]:
    text = (DOCS / f"mis{language}.md").read_text("utf-8")
    return re.findall(rf"^```{kind}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def example(language: str, name: str) -> str:
    """Return the one whose first line names it."""
    (found,) = (text for kind in ("sh", "python") for text in examples(language, kind) if text.startswith(f"# {name}"))
    return found


@pytest.fixture
async def clinic(site: Site) -> AsyncIterator[tuple[Site, str]]:
    """A site, and where it is served."""
    async with panel.serve(site.database, site.folder) as served:
        yield site, served.address


async def run(site: Site, address: str, *command: str, **more: str) -> list[str]:
    """Run a program as a MIS does; return the lines that it prints."""
    started = await asyncio.create_subprocess_exec(
        *command, env={**os.environ, "KEY": site.keys[KHIMKI], "SITE": address, **more}, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await started.communicate()
    assert started.returncode == 0
    return output.decode().splitlines()


async def published_meanwhile(site: Site) -> UUID:
    """Publish as a worker does, once the example has asked for it."""
    address = f"/publish?accession_number={ACCESSION_NUMBER}"
    async with asyncio.timeout(60):
        while (answer := await site.get(address)).status_code == 404:  # noqa: ASYNC110 - another program asks
            await asyncio.sleep(0.05)
    task_id = UUID(answer.json()["task_id"])
    await site.completed(task_id)
    return task_id


async def status(site: Site, task_id: UUID) -> str:
    document = (await site.get(f"/publish/{task_id}")).json()
    assert document["accession_number"] == ACCESSION_NUMBER
    return str(document["status"])


@pytest.mark.parametrize("language", LANGUAGES)
async def test_curl(clinic: tuple[Site, str], language: str) -> None:
    site, address = clinic
    printed, task_id = await asyncio.gather(
        run(site, address, "sh", "-c", example(language, "publish.sh")), published_meanwhile(site)
    )
    assert [re.sub(r"\w{22}$", "…", line) for line in printed] == [f"{address}/s/…"]
    withdrawn = await run(site, address, "sh", "-c", example(language, "withdraw.sh"), TASK=str(task_id))
    assert withdrawn == [await status(site, task_id)] == [Status.CANCELLED]


@pytest.mark.parametrize("language", LANGUAGES)
async def test_python(clinic: tuple[Site, str], language: str) -> None:
    site, address = clinic
    printed, task_id = await asyncio.gather(
        run(site, address, sys.executable, "-c", example(language, "publish.py")), published_meanwhile(site)
    )
    assert [re.sub(r"\w{22}$", "…", line) for line in printed] == [f"{address}/s/…", Status.CANCELLED]
    assert await status(site, task_id) == Status.CANCELLED


@pytest.mark.parametrize("language", LANGUAGES)
def test_1c_names_what_is_described(language: str) -> None:
    (text,) = examples(language, "bsl")
    (sent,) = re.findall(r'Структура\("([^"]+)"', text)
    assert set(sent.split(", ")) <= set(FIELDS)
    document = openapi()["components"]["schemas"]["TaskDocument"]["properties"]
    assert set(re.findall(r'Итог\["(\w+)"\]', text)) - {"detail"} <= set(document)
    asked = set(re.findall(r'Обратиться\("(\w+)", "([^"]+)"', text))
    described = {
        (method.upper(), path.replace("{task_id}", "")) for path, item in openapi()["paths"].items() for method in item
    }
    assert {method for method, _ in asked} == {"POST", "GET", "DELETE"}
    assert asked <= described
    assert "Idempotency-Key" in text


def test_1c_is_the_same_in_both_languages() -> None:
    one, other = (re.sub(r"//.*", "", "".join(examples(language, "bsl"))) for language in LANGUAGES)
    assert one == other
