"""The embedded PostgreSQL: `database.url = "embedded"`; binaries from a package, everything else is done here."""

from studypub.db.embedded.binaries import program
from studypub.db.embedded.server import EmbeddedPostgres

__all__ = ["EmbeddedPostgres", "program"]
