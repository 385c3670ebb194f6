"""Writes a table as the file would say it."""

import json
from collections.abc import Mapping
from typing import Any


def as_toml(table: Mapping[str, Any], place: str = "") -> str:
    """Return the table in TOML, of which a basic string is one of JSON; what is nested in it comes last."""
    nested = {key: value for key, value in table.items() if isinstance(value, Mapping) or _are_tables(value)}
    text = "".join(f"{key} = {_value(value)}\n" for key, value in table.items() if key not in nested)
    for key, value in nested.items():
        is_one = isinstance(value, Mapping)
        for each in [value] if is_one else value:
            head = f"[{place}{key}]" if is_one else f"[[{place}{key}]]"
            text += ("\n" if text else "") + head + "\n" + as_toml(each, f"{place}{key}.")
    return text


def _are_tables(value: Any) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(one, Mapping) for one in value)


def _value(value: Any) -> str:
    return json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)
