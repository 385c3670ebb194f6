"""What a registrator may do beyond looking and publishing: an administrator says so."""

from collections.abc import Iterable
from enum import StrEnum

from studypub.core.people import Role


class Right(StrEnum):
    """One thing that can be granted."""

    RETRY = "retry"  # try a failed or cancelled task again
    CANCEL = "cancel"  # stop a task
    LINK = "link"  # see, copy and print a publication's link
    KEEP = "keep"  # change the date until which a study is kept
    WITHDRAW = "withdraw"  # close a link before its date
    EXPORT = "export"  # take the list of studies away as a file
    REVIEW = "review"  # decide about held images


EVERY = frozenset(Right)
UNLESS_SET = frozenset({Right.RETRY, Right.CANCEL, Right.LINK, Right.KEEP, Right.WITHDRAW})


def rights_of(role: Role, granted: Iterable[Right]) -> frozenset[Right]:
    """Return what an account of this role may do, where registrators are `granted` this."""
    return EVERY if role is Role.ADMINISTRATOR else frozenset(granted)
