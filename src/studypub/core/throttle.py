"""How often somebody may try what could be guessed, and how long they wait after that."""

from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv6Address, ip_address

_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """So many tries are `free`; each further one is followed by a pause that doubles from `first` to `longest`.

    Tries are forgotten once nothing was tried for `forget`.
    """

    kind: str
    free: int
    first: timedelta
    longest: timedelta
    forget: timedelta


# Short pauses: whoever guesses at an account must not keep its owner away. They come in by a browser that is known.
ACCOUNT = Limit(kind="account", free=5, first=timedelta(seconds=2), longest=5 * _MINUTE, forget=_HOUR)
BROWSER = Limit(kind="browser", free=10, first=timedelta(seconds=2), longest=5 * _MINUTE, forget=_HOUR)
# A whole clinic may stand behind one address.
ADDRESS = Limit(kind="address", free=30, first=timedelta(seconds=2), longest=15 * _MINUTE, forget=_HOUR)
# Only who knows the password gets as far as the code: longer pauses, for six digits are few. A day sees about thirty
# tries, three codes fit at any time, and so it takes years to hit one by chance.
CODE = Limit(kind="code", free=5, first=timedelta(seconds=2), longest=_HOUR, forget=_DAY)
# The same for somebody who is signed in: guesses in a session that was left open do not shut its owner out.
CODE_WITHIN = Limit(kind="code within", free=5, first=timedelta(seconds=2), longest=_HOUR, forget=_DAY)
# A PIN is short: whoever has the link gets about ten tries at once, and then some forty in a month.
PIN_OF_LINK = Limit(kind="pin of link", free=10, first=_MINUTE, longest=_DAY, forget=7 * _DAY)
PIN_BY_ADDRESS = Limit(kind="pin by address", free=20, first=_MINUTE, longest=_HOUR, forget=_DAY)
# Links cannot be guessed; whoever tries is kept from making work.
MISSES = Limit(kind="misses", free=30, first=timedelta(seconds=1), longest=10 * _MINUTE, forget=10 * _MINUTE)
# While all addresses together miss that often, one that has missed before waits after every miss.
ALL_MISSES = Limit(kind="all misses", free=1_000, first=timedelta(), longest=timedelta(), forget=_MINUTE)


def network_of(address: str) -> str:
    """Return what counts as one address: an IPv4 address, or the /64 network that a household or an office gets."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return ":".join(parsed.exploded.split(":")[:4])
