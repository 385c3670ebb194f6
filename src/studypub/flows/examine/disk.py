"""Writes into the data folder, and looks how much room there is."""

import secrets
import shutil

from studypub.config import Config
from studypub.flows.examine.causes import disk as causes
from studypub.flows.examine.finding import Finding


def examine(config: Config) -> Finding:
    """Write a small file where everything lies, and remove it."""
    folder, least_mb = config.database.data_dir, config.workers.least_free_mb
    probe = folder / f".examination-{secrets.token_hex(8)}"
    words: dict[str, object] = {"folder": folder, "least": least_mb, "free": 0.0, "why": ""}
    try:
        words["free"] = (free := shutil.disk_usage(folder).free) / 2**30
        try:
            probe.write_bytes(secrets.token_bytes(4096))
        finally:
            probe.unlink(missing_ok=True)
    except OSError as error:
        return causes.of_error(error.errno).found(**words | {"why": error.strerror})
    return causes.of_room(free, least_mb << 20).found(**words)
