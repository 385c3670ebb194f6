"""A storm, a silence, restarts: here they are short; `make chaos`, `make blackout`, `make restarts` take longer."""

import pytest
from tests.chaos.blackout import blackout
from tests.chaos.restarts import restarts
from tests.chaos.run import run
from tests.peers.restartable import Restartable
from tests.peers.s3 import S3Server, radosgw
from tests.peers.world import Nursery

__all__ = ["radosgw"]


def test_f11_after_a_storm_everything_holds() -> None:
    outcome = run(seconds=8, seed=3)
    assert outcome.violations == []
    assert outcome.tasks.get("COMPLETED", 0) > 0


@pytest.mark.peer
def test_f59_when_everything_else_has_been_silent_all_goes_on_by_itself(
    postgres: Restartable, nursery: Nursery, radosgw: S3Server
) -> None:
    postgres.start()
    assert blackout(8, postgres, nursery, radosgw, tasks=4).violations == []


def test_f61_restarts_while_studies_are_asked_for_lose_and_double_nothing(
    postgres: Restartable, nursery: Nursery
) -> None:
    postgres.start()
    outcome = restarts(3, 12, postgres, nursery)
    assert outcome.violations == []
    assert outcome.tasks == {"COMPLETED": 12}
    assert (outcome.figures["most attempts"], outcome.figures["most crashes"]) == (1, 0)
