"""Clinics' logos: a small picture each."""

from studypub.core.logo import Logo
from studypub.db.database import Transaction


async def keep(tx: Transaction, code: str, content: bytes, *, width: int, height: int, actor: str) -> None:
    """Show it with what the clinic publishes, in place of the one before."""
    await tx.run("keep_logo", clinic_code=code, content=content, width=width, height=height, actor=actor)


async def drop(tx: Transaction, code: str) -> bool:
    """Show none any more; whether there was one."""
    return await tx.run("drop_logo", clinic_code=code) > 0


async def of_clinic(tx: Transaction, code: str) -> Logo | None:
    """Return what a clinic's logo is known by; None where it has none."""
    row = await tx.one("logo_of_clinic", clinic_code=code)
    return Logo(**row) if row else None


async def content(tx: Transaction, sha256: bytes) -> bytes | None:
    """Return the bytes of that hash, where a clinic shows them that is seen."""
    row = await tx.one("logo_content", sha256=sha256)
    return bytes(row["content"]) if row else None
