"""What the description says holds for whatever is sent to the served application, by Schemathesis."""

import asyncio
import os
import sys
from pathlib import Path

import pytest
from tests.peers import panel
from tests.web.conftest import KHIMKI, Site

HOOKS = Path(__file__).with_name("sent_as_text.py")
SETTINGS = Path(__file__).with_name("schemathesis.toml")


async def examine(site: Site, folder: Path, most: int, *phases: str) -> None:
    """Let Schemathesis look for an answer that is not as described, the same way at each run."""
    async with panel.serve(site.database, site.folder) as served:
        program = await asyncio.create_subprocess_exec(
            Path(sys.executable).with_name("schemathesis"),
            f"--config-file={SETTINGS}",
            "run",
            f"{served.address}/schema/openapi.json",
            f"--header=Authorization: Bearer {site.keys[KHIMKI]}",
            f"--phases={','.join(phases)}",
            f"--max-examples={most}",
            "--mode=all",
            "--generation-deterministic",
            "--suppress-health-check=all",
            "--no-color",
            "--no-shrink",
            "--continue-on-failure",
            cwd=folder,
            env={**os.environ, "SCHEMATHESIS_HOOKS": str(HOOKS)},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await program.communicate()
    assert program.returncode == 0, output.decode()


async def test_no_request_is_answered_otherwise_than_described(site: Site, tmp_path: Path) -> None:
    await site.completed(await site.queued())
    await examine(site, tmp_path, 6, "examples", "fuzzing", "stateful")


@pytest.mark.long
async def test_no_request_of_many_is_answered_otherwise_than_described(site: Site, tmp_path: Path) -> None:
    await site.completed(await site.queued())
    await examine(site, tmp_path, 25, "examples", "coverage", "fuzzing", "stateful")
