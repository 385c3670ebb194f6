"""What a PIN looks like: digits, such as a birth year, or better more of them."""

import re

SHORTEST, LONGEST = 4, 12
_PIN = re.compile(rf"[0-9]{{{SHORTEST},{LONGEST}}}")


def is_acceptable(pin: str) -> bool:
    """Whether this can be a link's PIN."""
    return _PIN.fullmatch(pin) is not None
