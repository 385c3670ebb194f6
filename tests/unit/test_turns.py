"""Whose turn it is."""

import threading
from collections.abc import Callable

import pytest
from tests.peers.resources import becomes_true

from studypub.flows.turns import Turns


def started(work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_one_at_a_time_in_the_order_in_which_they_asked() -> None:
    turns, order = Turns(), list[int]()

    def work(number: int) -> None:
        with turns.mine():
            order.append(number)

    with turns.mine():
        threads = []
        for number in range(5):
            threads.append(started(lambda number=number: work(number)))  # type: ignore[misc]
            assert becomes_true(lambda number=number: len(turns._waiting) > number)  # type: ignore[misc]
        assert order == []
    for thread in threads:
        thread.join(20)
    assert order == [0, 1, 2, 3, 4]


def test_who_gives_a_turn_back_does_not_get_it_before_who_waits() -> None:
    turns, order = Turns(), list[str]()

    def work() -> None:
        with turns.mine():
            order.append("waited")

    with turns.mine():
        thread = started(work)
        assert becomes_true(lambda: bool(turns._waiting))
    with turns.mine():
        order.append("again")
    thread.join(20)
    assert order == ["waited", "again"]


def test_a_turn_ends_with_a_failure_too() -> None:
    turns = Turns()
    with pytest.raises(ZeroDivisionError), turns.mine():
        raise ZeroDivisionError
    with turns.mine():
        pass
