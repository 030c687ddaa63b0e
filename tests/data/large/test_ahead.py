"""Work is done before it is asked for, in order, and stops with the one who asks."""

from __future__ import annotations

import threading
from itertools import count

import pytest

from mlpcli.data.large.ahead import work_ahead


@pytest.mark.parametrize(("threads", "ahead"), [(1, 1), (2, 3), (3, 1)])
def test_results_come_in_the_order_of_the_pieces(threads: int, ahead: int) -> None:
    assert list(work_ahead(lambda i: i * i, range(20), threads=threads, ahead=ahead)) == [
        i * i for i in range(20)
    ]


def test_the_next_piece_is_worked_on_meanwhile() -> None:
    begun = threading.Event()

    def work(i: int) -> int:
        if i == 1:
            begun.set()
        return i

    results = work_ahead(work, range(3))
    assert next(results) == 0
    assert begun.wait(10)
    assert list(results) == [1, 2]


def test_who_stops_asking_leaves_no_thread() -> None:
    results = work_ahead(lambda i: i, count())
    assert next(results) == 0
    results.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("mlp-ahead")]


def test_what_goes_wrong_is_raised_where_the_result_would_be() -> None:
    results = work_ahead(lambda i: 1 // (2 - i), range(5))
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ZeroDivisionError):
        next(results)
