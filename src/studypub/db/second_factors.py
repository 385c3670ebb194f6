"""The second factor of accounts: its secret, the step that was used last, and the recovery codes."""

from collections.abc import Iterable
from uuid import UUID

from studypub.core import ids
from studypub.db.database import Transaction


async def offer(tx: Transaction, user_id: UUID, secret: str) -> bool:
    """Keep a new secret that does not count yet; False where one counts already."""
    return await tx.one("offer_second_factor", user_id=user_id, secret=secret) is not None


async def secret_and_step(tx: Transaction, user_id: UUID) -> tuple[str, int] | None:
    """Return the secret, whether it counts or was only offered, and the newest step whose code was taken."""
    row = await tx.one("second_factor", user_id=user_id)
    return (row["totp_secret"], row["totp_step"]) if row and row["totp_secret"] else None


async def take_step(tx: Transaction, user_id: UUID, step: int) -> bool:
    """Write down that the code of this step was entered; False where it was before."""
    return await tx.one("take_step", user_id=user_id, step=step) is not None


async def turn_on(tx: Transaction, user_id: UUID) -> None:
    """Let the secret that was offered count."""
    await tx.run("turn_second_factor_on", user_id=user_id)


async def turn_off(tx: Transaction, user_id: UUID) -> None:
    """Forget the secret and the recovery codes."""
    await tx.run("turn_second_factor_off", user_id=user_id)
    await tx.run("forget_recovery_codes", user_id=user_id)


async def set_recovery_codes(tx: Transaction, user_id: UUID, tidy_codes: Iterable[str]) -> None:
    """Let these recovery codes work, and none from before."""
    await tx.run("forget_recovery_codes", user_id=user_id)
    await tx.run("add_recovery_codes", user_id=user_id, codes=[ids.digest(code) for code in tidy_codes])


async def use_recovery_code(tx: Transaction, user_id: UUID, tidy_code: str) -> bool:
    """Use a recovery code up; False where there is none such."""
    return await tx.one("use_recovery_code", user_id=user_id, code_sha256=ids.digest(tidy_code)) is not None


async def recovery_codes_left(tx: Transaction, user_id: UUID) -> int:
    """Return how many recovery codes still work."""
    row = await tx.one("count_recovery_codes", user_id=user_id)
    return int(row["left"]) if row else 0
