import sys
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.arrays import frozen
from pipelines.funnel import kernel
from pipelines.funnel.kernel import ANY_ORDER, CONSECUTIVE, NO_ROW, SEQUENTIAL, STRICT_ORDER, Rows, Rules
from tests.examples import examples
from tests.pipelines.funnel.oracle import Chain, Options, Row, all_chains, best_chains

MODES = {"sequential": SEQUENTIAL, "strict_order": STRICT_ORDER, "consecutive": CONSECUTIVE, "any_order": ANY_ORDER}
VARIANTS = [
    variant
    for variant in product(MODES, (False, True), (False, True), (False, True), ("persons", "entries"))
    if variant[:2] != ("any_order", True)
]


def said(variant: tuple[str, bool, bool, bool, str]) -> str:
    mode, strict, exclusions, hold, count = variant
    flags = {"strict_increase": strict, "exclude": exclusions, "hold": hold}
    return f"{count}, {' '.join([mode, *(name for name, is_set in flags.items() if is_set)])}"


def chains(persons: list[list[Row]], options: Options) -> list[list[Chain]]:
    """What the kernel finds for each person, rows counted from the person's first."""
    flat = [row for person in persons for row in person]
    starts = np.cumsum([0, *map(len, persons)]).astype(np.int64)
    has_excluded, has_held = any(row.excluded for row in flat), any(row.held != 0 for row in flat)
    # The kernel asks for numbers below the number of rows.
    number = {value: n for n, value in enumerate(sorted({row.held for row in flat if row.held is not None}))}
    columns = (
        np.array([row.time for row in flat], np.int64),
        np.array([sum(1 << step for step in row.steps) for row in flat], np.uint64),
        np.array([sum(1 << step for step in row.excluded) for row in flat] if has_excluded else [], np.int64),
        np.array([-1 if row.held is None else number[row.held] for row in flat] if has_held else [], np.int64),
    )
    rows = Rows(starts, *map(frozen, columns))
    rules = Rules(
        options.n_steps,
        options.window,
        MODES[options.mode],
        options.strict_increase,
        options.count == "entries",
        int(min(options.start_before, sys.maxsize)),
    )
    found: list[list[Chain]] = [[] for _ in persons]
    for person, number, matched, steps in zip(*kernel.chains(rows, rules), strict=True):
        length = int((matched != NO_ROW).sum())
        assert number == len(found[person]) + 1
        found[person].append(
            tuple((int(row - starts[person]), int(step)) for row, step in zip(matched[:length], steps, strict=False))
        )
    return found


@st.composite
def persons(draw: st.DrawFn, n_steps: int, *, exclusions: bool, hold: bool) -> list[Row]:
    """Rows at few instants, so that they tie, repeat and overlap."""
    some_steps = st.frozensets(st.integers(0, n_steps - 1), max_size=2)
    gaps = st.frozensets(st.integers(0, n_steps - 2), max_size=n_steps - 1 if exclusions else 0)
    excluded = st.one_of(st.just(frozenset[int]()), gaps)
    held = st.sampled_from([0, 0, 1, 2, None]) if hold else st.just(0)
    row = st.builds(Row, st.integers(0, 6), some_steps, excluded, held)
    return sorted(draw(st.lists(row, max_size=7)), key=lambda row: row.time)


def everyone(n_steps: int, exclusions: bool, hold: bool):
    return st.lists(persons(n_steps, exclusions=exclusions, hold=hold), max_size=3)


@pytest.mark.hypothesis  # which finds no property within a test
@pytest.mark.parametrize("variant", VARIANTS, ids=said)
def test_the_kernel_finds_the_chains_that_trying_all_chains_finds(variant):
    mode, strict, exclusions, hold, count = variant

    @examples(150)
    @given(st.data(), st.integers(2, 4), st.integers(0, 7), st.sampled_from([1, 3, 5, float("inf")]))
    def check(data: st.DataObject, n_steps: int, window: int, start_before: float):
        everybody = data.draw(everyone(n_steps, exclusions, hold))
        options = Options(n_steps, window, mode, strict, count, start_before)
        found = chains(everybody, options)
        expected = [best_chains(rows, options) for rows in everybody]
        if mode != "any_order":
            assert found == expected
            return
        for rows, some, others in zip(everybody, found, expected, strict=True):
            assert [outline(chain) for chain in some] == [outline(chain) for chain in others]
            assert set(some) <= set(all_chains(rows, options))

    check()


def outline(chain: Chain) -> tuple[int, int, int]:
    return len(chain), chain[0][0], chain[-1][0]


def test_the_sixty_second_step_is_reached():
    rows = [Row(n, frozenset({n})) for n in range(62)]
    for mode in MODES:
        assert chains([rows], Options(62, 100, mode)) == [[tuple((n, n) for n in range(62))]]


def test_nobody_is_a_result():
    assert chains([], Options(2, 5)) == []


def test_a_row_moves_to_another_step_where_that_makes_room_for_a_later_one():
    rows = [Row(0, frozenset({0})), Row(1, frozenset({1, 2})), Row(2, frozenset({1}))]
    assert chains([rows], Options(3, 5, "any_order")) == [[((0, 0), (1, 2), (2, 1))]]


def test_an_excluded_event_that_is_matched_ends_no_chain():
    excluded = frozenset({0, 1})
    rows = [Row(0, frozenset({0})), Row(1, frozenset({1}), excluded), Row(2, frozenset({2}))]
    for mode in MODES:
        assert chains([rows], Options(3, 5, mode)) == [[((0, 0), (1, 1), (2, 2))]]
