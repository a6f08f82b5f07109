"""What is read ahead comes in its order, at most one item early, and its errors reach the caller."""

from __future__ import annotations

import itertools

import pytest

from pipelines.carriers.readers.ahead import ahead


def test_items_come_in_their_order_and_only_one_is_read_ahead():
    read = []
    items = ahead(read.append(number) or number for number in itertools.count())
    assert [next(items) for _ in range(100)] == list(range(100))
    items.close()
    assert len(read) == 101


def test_an_error_of_the_source_is_raised_after_the_items_before_it():
    items = ahead(10 // number for number in (2, 1, 0, 5))
    assert [next(items), next(items)] == [5, 10]
    with pytest.raises(ZeroDivisionError):
        next(items)
