"""[retention] and [preview]: how long a publication is kept, and what it shows."""

from studypub.config.section import Section, need


class Retention(Section, frozen=True):
    """How long a publication is kept, in days."""

    default_days: int = 30
    max_days: int = 365

    def __post_init__(self) -> None:
        need(holds=1 <= self.max_days <= 36500, key="max_days", why="must be between 1 and 36500")
        need(
            holds=1 <= self.default_days <= self.max_days,
            key="default_days",
            why="must be at least 1 and at most max_days",
        )

    def own(self, days: int) -> int:
        """Return how many days a clinic of `retention_days` keeps its publications; 0: it says nothing of its own."""
        return min(days, self.max_days)


class Preview(Section, frozen=True):
    """The pictures that a link shows without a download."""

    enabled: bool = True
    images_per_series: int = 100
    images_per_study: int = 600

    def __post_init__(self) -> None:
        for key in ("images_per_series", "images_per_study"):
            need(holds=1 <= getattr(self, key) <= 2000, key=key, why="must be between 1 and 2000")


class Viewer(Section, frozen=True):
    """OHIF Viewer behind links, where it is installed."""

    enabled: bool = True
