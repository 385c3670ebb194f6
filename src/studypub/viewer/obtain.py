"""Fetches packages by the npm client, whose settings say from where, or takes a file; and reads what is in them."""

import base64
import hashlib
import subprocess
import tarfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from studypub.errors import Refused

_SECONDS: Final = 900
_LARGEST_FILE: Final = 64_000_000


def fetched(package: str) -> bytes:
    """Return the tarball of NAME@VERSION. Raises Refused where there is no npm, or it does not get it."""
    with TemporaryDirectory(prefix="studypub-npm-") as name:
        command = ["npm", "pack", package, "--silent", "--pack-destination", name]
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=_SECONDS, cwd=name)
        except FileNotFoundError:
            raise Refused(
                reason_ru="Нет программы npm. Установите её (apt install npm) или дайте скачанный пакет: --from ФАЙЛ.",
                reason_en="There is no npm. Install it (apt install npm), or give the package as a file: --from FILE.",
            ) from None
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            said = (error.stderr or b"").decode(errors="replace").strip().splitlines()
            raise Refused(
                said[-1] if said else "it took too long",
                reason_ru=f"npm не смог скачать {package}. Без интернета дайте скачанный пакет: --from ФАЙЛ.",
                reason_en=f"npm could not fetch {package}. Without internet give the package as a file: --from FILE.",
            ) from error
        (found,) = Path(name).glob("*.tgz")
        return found.read_bytes()


def taken(tarball: Path) -> bytes:
    """Return what is in a file that a person gave. Raises Refused."""
    try:
        return tarball.read_bytes()
    except OSError as error:
        raise Refused(
            error.strerror or "",
            reason_ru=f"Файл {tarball} не читается.",
            reason_en=f"The file {tarball} cannot be read.",
        ) from error


def require_integrity(tarball: bytes, integrity: str, package: str) -> None:
    """Raise Refused unless this is the package (Subresource Integrity, as npm's lock files have it)."""
    if f"sha512-{base64.b64encode(hashlib.sha512(tarball).digest()).decode()}" != integrity:
        raise Refused(
            reason_ru=f"Это не пакет {package}: контрольная сумма не сходится. Скачайте его заново.",
            reason_en=f"This is not the package {package}: its checksum differs. Download it again.",
        )


def read(tarball: bytes, wanted: Callable[[str], bool]) -> dict[str, bytes]:
    """Return the wanted files of a package, by their names without its own first folder; nothing is unpacked."""
    found = {}
    with tarfile.open(fileobj=BytesIO(tarball), mode="r:gz") as opened:
        for member in opened:
            name = member.name.partition("/")[2]
            content = opened.extractfile(member) if member.isfile() and wanted(name) else None
            if content is not None:
                found[name] = content.read(_LARGEST_FILE)
    return found
