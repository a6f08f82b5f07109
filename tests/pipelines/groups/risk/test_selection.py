"""The score that did best speaks; little of one's own counts little."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.groups.risk.box import box
from pipelines.groups.risk.scores import SCORES, SILENCE, Parts, Score
from pipelines.groups.risk.selection import PRIOR_DEATHS, advantages, best, odds
from tests.examples import examples


def parts(silence, messages, of_box, own=None) -> Parts:
    both = [np.repeat(np.array(part, float)[:, None], 2, axis=1) for part in (silence, messages, of_box)]
    blended = both[2] if own is None else np.repeat(np.array(own, float)[:, None], 2, axis=1)
    return Parts(both[0], both[1], both[2], blended)


def pairs_won(dead: np.ndarray, score: np.ndarray) -> float:
    """The area under the ROC curve by its meaning: how often a death has the higher score, ties half."""
    above = score[dead][:, None] - score[~dead][None, :]
    return float(((above > 0) + (above == 0) / 2).mean())


def test_where_nobody_died_the_box_speaks_as_far_as_it_was_right_elsewhere():
    empty = parts([], [], [])
    assert best(empty, np.array([], bool)) == Score("box", 0.15)
    alive = parts([1, 2], [1, 2], [3, 1])
    assert advantages(alive, np.array([False, False])) == advantages(empty, np.array([], bool))
    assert advantages(empty, np.array([], bool))[Score("own", 1.0)] == box().advantages["box 100%"]


@examples(60)
@given(st.lists(st.tuples(*[st.integers(-3, 3)] * 4, st.booleans()), min_size=2, max_size=40))
def test_advantages_are_those_of_pairs_drawn_to_those_elsewhere(rows: list[tuple[int, int, int, int, bool]]):
    *columns, died = zip(*rows, strict=True)
    dead, known = np.array(died), parts(*columns)
    found = advantages(known, dead)
    deaths = int(dead.sum())
    for score in SCORES:
        prior = box().advantages[score.name if score.share == 0 else f"box {score.share:.0%}"]
        seen = 0.0
        if 0 < deaths < len(dead):
            seen = pairs_won(dead, known.log_odds(score)[:, 0]) - pairs_won(dead, known.silence[:, 0])
        assert found[score] == pytest.approx((deaths * seen + PRIOR_DEATHS * prior) / (deaths + PRIOR_DEATHS))
    assert found[Score(SILENCE, 0.0)] == 0


@pytest.mark.parametrize("name", ["silence", "messages", "own"])
def test_what_ranks_best_on_enough_deaths_speaks(name: str):
    chance = np.random.default_rng(1)
    dead = chance.random(8000) < 0.2
    noise = {score: chance.normal(size=8000) for score in ("silence", "messages", "box", "own")}
    noise[name] = noise[name] + 1.5 * dead
    spoke = best(parts(noise["silence"], noise["messages"], noise["box"], noise["own"]), dead)
    assert spoke.name == name


def test_odds_follow_deaths_and_are_drawn_to_one():
    log_odds = np.full((1000, 2), np.log(0.1 / 0.9))
    assert odds(log_odds, np.arange(1000) < 100) == pytest.approx(1)
    assert odds(log_odds, np.arange(1000) < 220) == pytest.approx(2)
    assert odds(log_odds[:0], np.array([], bool)) == 1
