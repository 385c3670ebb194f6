"""Reads the named queries: `-- name: …`, a sentence, and the statement."""

import re
from functools import cache

from studypub import resources

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


@cache
def all_queries() -> dict[str, bytes]:
    """Return every query of sql/queries by its name; a name that is used twice is refused."""
    found: dict[str, bytes] = {}
    for file in sorted(resources.path("sql", "queries").glob("*.sql")):
        _, *parts = _NAME.split(file.read_text("utf-8"))
        for name, body in zip(parts[::2], parts[1::2], strict=True):
            if name in found:
                raise ValueError(f"{file.name}: the query {name} stands twice")
            lines = (line for line in body.splitlines() if not line.startswith("--"))
            found[name] = "\n".join(lines).strip().removesuffix(";").encode()
    return found
