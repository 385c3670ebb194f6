"""In which language the terminal is spoken to."""

import locale
import os
from typing import Literal


def language() -> Literal["ru", "en"]:
    """Return the language of the environment, English unless it is Russian."""
    name = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    return "ru" if locale.normalize(name).startswith("ru") else "en"
