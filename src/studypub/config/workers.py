"""[workers]: how tasks are worked on."""

from studypub.config.section import Section, need, need_seconds

_WEEK_MINUTES = 7 * 24 * 60


class Workers(Section, frozen=True):
    """How tasks are worked on."""

    concurrency: int = 2
    max_attempts: int = 8
    search_minutes: float = 10.0
    search_interval_seconds: float = 30.0
    retry_base_seconds: float = 15.0
    lease_seconds: float = 20.0
    least_free_mb: int = 1024
    max_in_progress: int = 10_000

    def __post_init__(self) -> None:
        need(holds=1 <= self.concurrency <= 64, key="concurrency", why="must be between 1 and 64")
        need(holds=self.max_attempts >= 1, key="max_attempts", why="must be at least 1")
        need(holds=self.max_in_progress >= 1, key="max_in_progress", why="must be at least 1")
        need(holds=0 <= self.search_minutes <= _WEEK_MINUTES, key="search_minutes", why="must be at most a week")
        need_seconds(self.search_interval_seconds, key="search_interval_seconds")
        need_seconds(self.retry_base_seconds, key="retry_base_seconds")
        need(holds=1 <= self.lease_seconds <= 3600, key="lease_seconds", why="must be between 1 and 3600")
        need(holds=0 <= self.least_free_mb <= 2**30, key="least_free_mb", why="must be between 0 and 2^30")
