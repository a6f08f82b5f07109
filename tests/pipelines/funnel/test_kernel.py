import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.funnel.kernel import NO_ROW, sequential
from tests.pipelines.funnel.oracle import best_chain

N_STEPS = 4
ROWS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 2**N_STEPS - 1)), max_size=9)


def chains(persons: list[list[tuple[int, int]]], window: int, n_steps: int) -> list[list[int]]:
    """Rows of each person's chain, counted from the person's first row."""
    starts = np.cumsum([0, *map(len, persons)]).astype(np.int64)
    flat = [row for person in persons for row in sorted(person, key=lambda row: row[0])]
    time = np.array([time for time, _ in flat], np.int64)
    satisfied = np.array([bits for _, bits in flat], np.uint64)
    reached, rows = sequential(starts, time, satisfied, window, n_steps)
    found = [[int(row - start) for row in line if row != NO_ROW] for start, line in zip(starts, rows, strict=False)]
    assert [len(line) for line in found] == reached.tolist()
    return found


@settings(deadline=None)
@given(st.lists(ROWS, max_size=3), st.integers(0, 7), st.integers(1, N_STEPS))
def test_the_kernel_finds_the_chain_that_trying_all_chains_finds(persons, window, n_steps):
    expected = []
    for person in persons:
        rows = sorted(person, key=lambda row: row[0])
        expected.append(best_chain([t for t, _ in rows], [b for _, b in rows], window, n_steps))
    assert chains(persons, window, n_steps) == expected


def test_the_sixty_second_step_is_reached():
    rows = [(n, 1 << n) for n in range(62)]
    assert chains([rows], 100, 62) == [list(range(62))]


def test_a_person_without_a_first_step_reaches_nothing():
    assert chains([[(0, 0b10)], [(0, 0b01)]], 10, 2) == [[], [0]]


def test_the_last_instant_of_the_window_counts_and_the_next_does_not():
    assert chains([[(0, 1), (5, 2)], [(0, 1), (6, 2)]], 5, 2) == [[0, 1], [0]]


def test_nobody_is_a_result():
    assert chains([], 5, 2) == []
