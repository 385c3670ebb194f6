"""Reads the file: what the environment overrides, secrets in files of their own, and msgspec's words made ours."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, get_args

import msgspec

from studypub.config.section import Section
from studypub.config.whole import Config
from studypub.errors import ConfigError

DEFAULT_PATH = Path("/etc/studypub/config.toml")
_ENVIRONMENT_PREFIX = "STUDYPUB_"
_Kind = TypeVar("_Kind", bound=Section)


def load(path: Path | None, environment: Mapping[str, str]) -> Config:
    """Read the file (else `$STUDYPUB_CONFIG`, else /etc/studypub/config.toml, else built-in defaults).

    `STUDYPUB_<SECTION>__<KEY>` in the environment overrides a key; `<key>_file` is read for secrets.
    Raises ConfigError, whose sentence names the place in the file.
    """
    named = path or (Path(environment["STUDYPUB_CONFIG"]) if environment.get("STUDYPUB_CONFIG") else None)
    document = _read(named or DEFAULT_PATH, must_exist=named is not None)
    _override(document, environment)
    _read_secrets(document, "")
    return converted(document, Config)


def converted(document: Mapping[str, Any], kind: type[_Kind]) -> _Kind:
    """Return the section that a table of the file makes. Raises ConfigError, whose sentence names the place."""
    try:
        return msgspec.convert(document, kind, dec_hook=_path)
    except msgspec.ValidationError as error:
        raise ConfigError(problem=_problem(str(error))) from None


def _read(path: Path, *, must_exist: bool) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        if must_exist:
            raise ConfigError(problem=f"{path}: no such file") from None
        return {}
    except OSError as error:
        raise ConfigError(problem=f"{path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(problem=f"{path}: {error}") from None


def _override(document: dict[str, Any], environment: Mapping[str, str]) -> None:
    for name, text in environment.items():
        section, separator, key = name.removeprefix(_ENVIRONMENT_PREFIX).lower().partition("__")
        if not name.startswith(_ENVIRONMENT_PREFIX) or not separator:
            continue
        table = document
        *parents, leaf = [section, *key.split("__")]
        for parent in parents:
            table = table.setdefault(parent, {})
            if not isinstance(table, dict):
                raise ConfigError(problem=f"{name}: {parent} is not a table")
        table[leaf] = text if _is_text([*parents, leaf]) else _toml_value(text)


def _is_text(place: list[str]) -> bool:
    """Whether the key holds text: a secret of digits is no number."""
    kinds: tuple[Any, ...] = (Config,)
    for name in place:
        sections = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, msgspec.Struct)]
        kind = {field.name: field.type for one in sections for field in msgspec.structs.fields(one)}.get(name)
        kinds = get_args(kind) if isinstance(kind, UnionType) else (kind,)
    return str in kinds


def _toml_value(text: str) -> Any:
    """Read the text as a TOML value (numbers, booleans, lists); anything else is a string."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _read_secrets(table: dict[str, Any], where: str) -> None:
    for key, value in list(table.items()):
        place = f"{where}{key}"
        if isinstance(value, dict):
            _read_secrets(value, f"{place}.")
        elif key.endswith("_file") and isinstance(value, str):
            secret = key.removesuffix("_file")
            if secret in table:
                raise ConfigError(problem=f"{place}: {secret} is given as well")
            try:
                table[secret] = Path(value).read_text("utf-8").strip()
            except (OSError, UnicodeDecodeError):
                raise ConfigError(problem=f"{place}: the file cannot be read") from None


def _path(kind: type, value: object) -> Path:
    if kind is not Path:
        raise NotImplementedError
    if not isinstance(value, str):
        raise TypeError("Expected `str`")
    return Path(value)


def _problem(text: str) -> str:
    """Turn msgspec's words («… - at `$.server.port`») into «server.port: …»."""
    message, _, place = text.partition(" - at ")
    place = place.strip("`").removeprefix("$").lstrip(".")
    if named := re.match(r"(?:Object (?:contains unknown|missing required) field )?`([^`]+)`", message):
        place = f"{place}.{named[1]}".lstrip(".")
        message = message.replace(f"`{named[1]}` ", "", 1) if not message.startswith("Object") else message
    return f"{place}: {message}" if place else message
