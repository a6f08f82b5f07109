"""Waits grow, differ from each other, have an end, and respect what the API says."""

import random

from pipelines.ingest.pulling.back_off import BackOff

CHANCE = random.Random(1)


def test_waits_double_up_to_a_bound_and_are_never_alike():
    waits = [BackOff(1, 60).wait_s(n, None, CHANCE) for n in (1, 2, 3, 7, 1000)]
    for wait, most in zip(waits, (1, 2, 4, 60, 60), strict=True):
        assert most / 2 <= wait <= most
    assert len({BackOff().wait_s(5, None, CHANCE) for _ in range(50)}) == 50


def test_what_the_api_says_is_waited_for_within_a_bound():
    assert 30 <= BackOff(1, 60).wait_s(1, 30, CHANCE) <= 31
    assert 3600 <= BackOff(1, 60).wait_s(1, 10**9, CHANCE) <= 3601
