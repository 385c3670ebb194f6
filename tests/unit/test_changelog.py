"""CHANGELOG.md knows the version that is being built."""

import re
import tomllib
from pathlib import Path

from studypub import __version__

ROOT = Path(__file__).parents[2]


def test_newest_version_is_the_packages() -> None:
    versions = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert versions[0] == project["version"] == __version__
