"""docs/tls.md: its commands make certificates that can be used, its settings are settings."""

import re
import ssl
import subprocess
from pathlib import Path

import pytest
from tests.peers.certificates import openssl

from studypub.config import load
from studypub.tls import contexts

DOCS = Path(__file__).parents[3] / "docs"
MANUAL = (DOCS / "tls.md").read_text("utf-8")
PLACE = "/etc/studypub/tls"
# What only root on an installed machine can do
_OF_ROOT = ("install ", "cd ", "chgrp ")
CLINIC = '[[clinics]]\ncode = "a"\nname = "A"\n[clinics.pacs]\nae_title = "X"\nhost = "10.0.0.5"\nport = 2762\n'


def blocks(kind: str, text: str = MANUAL) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the manual's commands were run."""
    folder = tmp_path_factory.mktemp("tls")
    commands = [line for line in blocks("sh")[0].splitlines() if not line.startswith(_OF_ROOT)]
    script = "set -e\n" + "\n".join(commands)
    subprocess.run(["sh", "-c", script], cwd=folder, check=True, capture_output=True, timeout=60)
    return folder


def test_both_languages_show_the_same_commands_and_settings() -> None:
    russian = (DOCS / "tls.ru.md").read_text("utf-8")
    assert blocks("[a-z]*", russian) == blocks("[a-z]*")


def test_its_settings_can_be_used_with_the_certificates_that_it_makes(made: Path, tmp_path: Path) -> None:
    proxy, own, listener, pacs = blocks("toml")
    file = tmp_path / "config.toml"
    file.write_text(proxy, "utf-8")
    assert load(file, {}).server.is_https
    file.write_text((own + listener + CLINIC + pacs).replace(PLACE, str(made)), "utf-8")
    config = load(file, {})
    contexts.check(config)
    assert config.server.is_https
    assert config.dicom.ports == "11112, 2762 (TLS)"
    assert config.clinics[0].pacs.tls


def test_its_certificate_is_for_the_names_that_it_says(made: Path) -> None:
    names = ("-verify_hostname", "studies.clinic.example")
    assert "OK" in openssl("verify", "-CAfile", made / "ca.crt", *names, made / "studypub.crt")
    assert "OK" in openssl("verify", "-CAfile", made / "ca.crt", "-verify_ip", "10.0.0.7", made / "studypub.crt")
    assert ssl.create_default_context(cafile=str(made / "ca.crt")).cert_store_stats()["x509_ca"] == 1
