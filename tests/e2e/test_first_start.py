"""A fresh installation: the log leads to the first administrator, and nowhere once there is one."""

import re
from collections.abc import Iterator

import httpx
import pytest
from tests.peers.daemon import Installation, install, serving
from tests.peers.postgres import open_folder
from tests.peers.program import free_port
from tests.peers.world import eventually

FIELDS = {"name": "anna", "password": "correct horse battery"}


@pytest.fixture
def fresh() -> Iterator[Installation]:
    with open_folder() as folder:
        yield install(folder, pacs="NOBODY", pacs_port=free_port())


def setup_links(installation: Installation) -> list[str]:
    return re.findall(r"http://\S+/setup/\w+", (installation.folder / "log").read_text("utf-8"))


def test_the_log_leads_to_the_first_administrator_once(fresh: Installation) -> None:
    with serving(fresh), httpx.Client(trust_env=False) as browser:
        (address,) = eventually(lambda: setup_links(fresh))  # the file is written beside what is printed
        assert address.startswith(fresh.url)
        assert browser.get(address).status_code == 200
        made = browser.post(address, data=FIELDS)
        assert (made.status_code, made.headers["location"]) == (303, "/queue")
        assert browser.get(f"{fresh.url}/admin/users").status_code == 200
        assert browser.get(address).status_code == 404
    with serving(fresh):
        assert setup_links(fresh) == [address]
    verified = fresh.command("audit", "verify")
    assert verified.returncode == 0
    head = verified.stdout.split()[-1]
    assert fresh.command("audit", "verify", "--head", head).returncode == 0
    cut = fresh.command("audit", "verify", "--head", "00" * 32)
    assert (cut.returncode, cut.stderr.count("\n")) == (1, 1)
