"""The longest chains of funnel steps, as a compiled loop over sorted rows (docs/definitions.md#funnel).

A chain is a small state machine over a person's events, so a loop is short and exact, with constant work per event and
step. `sequential`, `strict_order` and `consecutive` share a search and differ in which rows end a chain; `any_order`
has its own search.

It is one module because numba does not recompile a cached function when a function of another file changes.
"""

from __future__ import annotations

from typing import Any, NamedTuple, cast

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from pipelines.compiled import compiled, lean

NO_ROW = -1
SEQUENTIAL, STRICT_ORDER, CONSECUTIVE, ANY_ORDER = range(4)


@cast(Any, intrinsic)
def _highest(_: Any, _bits: Any) -> Any:
    """Return the position of the highest set bit; there must be one."""

    def generate(_: Any, builder: Any, __: Any, arguments: Any) -> Any:
        zeros = builder.ctlz(arguments[0], ir.Constant(ir.IntType(1), 1))
        return builder.sub(ir.Constant(ir.IntType(64), 63), zeros)

    return types.int64(types.int64), generate


@cast(Any, intrinsic)
def _lowest(_: Any, _bits: Any) -> Any:
    """Return the position of the lowest set bit; there must be one."""

    def generate(_: Any, builder: Any, __: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.int64), generate


class Rows(NamedTuple):
    """Events, sorted by person and ordering key. `excluded` and `held` may be empty: none are excluded, all are equal.

    Attributes:
        starts: [persons + 1] first row of each person, and the number of rows.
        time: [rows] microseconds.
        satisfied: [rows] bit k is set if the row satisfies step k.
        excluded: [rows] bit k is set if the row ends the chains that have matched step k but not yet step k + 1.
        held: [rows] equal numbers for equal held properties, below the number of rows; -1 if one is null.
    """

    starts: NDArray[np.int64]
    time: NDArray[np.int64]
    satisfied: NDArray[np.unsignedinteger]
    excluded: NDArray[np.int64]
    held: NDArray[np.int64]


class Rules(NamedTuple):
    """How rows make a chain.

    Attributes:
        n_steps: At most 62.
        window: Microseconds from the first row of a chain to its last, both included.
        mode: One of the constants above.
        strict_increase: Each row of a chain must be later in time than the one before, not only in order; not with
            `ANY_ORDER`.
        entries: Whether to find all entries of a person, or only the best chain.
        start_before: Microseconds; rows from here on do not start chains.
    """

    n_steps: int
    window: int
    mode: int
    strict_increase: bool
    entries: bool
    start_before: int


class _Search(NamedTuple):
    """Working memory of a search. Partial matches have a line for each value of `held`.

    Attributes:
        value: [lines] the value of a line.
        line: [values] the line of a value, valid if `value` confirms it.
        first, last: [lines, steps, 2] rows; each search documents their meaning.
        start, floor: [lines] rows; used by `_best_any_order`.
        ended: [steps] the last row that ended chains that had matched the step.
        note: [rows of a person] a number per row.
        came_from: [steps] used by `_place`.
    """

    value: NDArray[np.int64]
    line: NDArray[np.int64]
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    start: NDArray[np.int64]
    floor: NDArray[np.int64]
    ended: NDArray[np.int64]
    note: NDArray[np.int64]
    came_from: NDArray[np.int64]


class _Best(NamedTuple):
    """The best chain so far: its length, its first row, and its last row."""

    length: int
    first: int
    last: int


@compiled
def chains(
    rows: Rows, rules: Rules
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int64], NDArray[np.int8]]:
    """Find each person's best chain, or the best chain of each entry.

    The best chain is the longest, among equals the one whose first row is latest; it has the earliest rows from there.

    An entry opens at the first row of step 0 after the previous entry closed. Every start within the window of that row
    is an attempt of the same entry, with its own window. The first chain with all steps closes the entry and is its
    chain. Otherwise the entry closes at the end of the window of the row that opened it, and gets the best chain.

    Returns:
        [chains] number of the person; [chains] number of the chain within the person, from 1; [chains, n_steps] rows of
        the chain in order, -1 beyond its end; and [chains, n_steps] the step that each row matches.
    """
    n_persons, n_steps = len(rows.starts) - 1, rules.n_steps
    capacity, most = n_persons, 1
    if rules.entries:
        capacity = 0
        for row in range(len(rows.time)):
            capacity += np.int64(rows.satisfied[row]) & 1
    for person in range(n_persons):
        most = max(most, rows.starts[person + 1] - rows.starts[person])
    persons = np.empty(capacity, np.int64)
    numbers = np.empty(capacity, np.int32)
    matched = np.full((capacity, n_steps), NO_ROW, np.int64)
    steps = np.zeros((capacity, n_steps), np.int8)
    search = _scratch(len(rows.held), n_steps, most)
    n_found = 0
    for person in range(n_persons):
        row, end = rows.starts[person], rows.starts[person + 1]
        n_before = n_found
        while row < end:
            if not (_bits(rows, row) & 1 and _value(rows, row) >= 0 and rows.time[row] < rules.start_before):
                row += 1
                continue
            over = rows.time[row] + rules.window
            last_start = min(over, rules.start_before - 1) if rules.entries else rules.start_before - 1
            if rules.mode == ANY_ORDER:
                best = _best_any_order(rows, rules, search, row, end, last_start)
                _fill_any_order(rows, search, best, matched[n_found], steps[n_found])
            else:
                best = _best_ordered(rows, rules, search, row, end, last_start)
                _fill_ordered(rows, rules, search, best, matched[n_found], steps[n_found])
            persons[n_found], numbers[n_found] = person, n_found - n_before + 1
            n_found += 1
            if not rules.entries:
                break
            if best.length == n_steps:
                row = best.last + 1
            else:
                while row < end and rows.time[row] <= over:
                    row += 1
    return persons[:n_found], numbers[:n_found], matched[:n_found], steps[:n_found]


@lean
def _best_ordered(rows, rules, search, begin, end, last_start):
    """Find the best chain that starts from row `begin` to `last_start`; for an entry, the first complete one.

    Of the partial matches of one length, the one that starts last has the most of its window left, and a row that ends
    one of them ends all. So only that one is kept, in `first[..., 0]`, with its last row. If that row has the current
    time and times must increase, `[..., 1]` is the previous one.
    """
    n_steps, first, last = rules.n_steps, search.first, search.last
    has_ends = rules.mode != SEQUENTIAL or len(rows.excluded) > 0
    search.ended[:] = NO_ROW
    best = _Best(0, NO_ROW, NO_ROW)
    n_lines = 0
    tie = begin
    for row in range(begin, end):
        now = rows.time[row]
        if now - rules.window > last_start:
            break
        if not rules.strict_increase or now != rows.time[tie]:
            tie = row
        ends = _ends(rows, rules, row) if has_ends else np.int64(0)
        line = _line(rows, search, row, n_lines)
        if line == n_lines:
            n_lines += 1
            first[line] = NO_ROW
            last[line] = NO_ROW
        bits = _bits(rows, row) if line >= 0 else 0
        # From the last step down, so that this row cannot extend a chain that it was just added to.
        bits &= (np.int64(2) << min(best.length, n_steps - 1)) - 1
        while bits:
            step = _highest(bits)
            bits ^= np.int64(1) << step
            if step == 0:
                start = row if now <= last_start else NO_ROW
            else:
                before = 0 if last[line, step - 1, 0] < tie else 1
                start = first[line, step - 1, before]
                if last[line, step - 1, before] < search.ended[step - 1]:
                    start = NO_ROW
            if start == NO_ROW or now - rows.time[start] > rules.window:
                continue
            best = _better(best, step + 1, start, row)
            is_over = ends >> step & 1 or last[line, step, 0] < search.ended[step]
            if is_over or first[line, step, 0] < start:
                if last[line, step, 0] < tie:
                    first[line, step, 1], last[line, step, 1] = first[line, step, 0], last[line, step, 0]
                first[line, step, 0], last[line, step, 0] = start, row
        if ends:
            for step in range(n_steps):
                if ends >> step & 1:
                    search.ended[step] = row
        if rules.entries and best.length == n_steps:
            break
    return best


@lean
def _ends(rows, rules, row):
    """Return bits: bit k is set if chains that have matched step k end, unless this row is their last or next one."""
    if rules.mode == CONSECUTIVE:
        return np.int64(-1)
    ends = rows.excluded[row] if len(rows.excluded) else np.int64(0)
    if rules.mode == STRICT_ORDER:
        # Between steps k and k + 1, further events of these two steps do not count as another step.
        bits = _bits(rows, row)
        lowest = bits & -bits
        others = bits ^ lowest
        if bits == 0:
            return ends
        if others == 0:
            return ends | ~(lowest | lowest >> 1)
        if others == lowest << 1:
            return ends | ~lowest
        return np.int64(-1)
    return ends


@lean
def _fill_ordered(rows, rules, search, best, matched, steps):
    """Write the earliest rows of the best chain: first backwards, which rows lead to its end, then forwards.

    Bit k of `ahead` is set if a later row can be step k (`ahead_now`: at the same time), and nothing in between ends a
    chain that waits for it. `note` has the steps that a row can be.
    """
    matched[0] = best.first
    if best.length == 1:
        return
    ahead, ahead_now = np.int64(0), np.int64(1) << (best.length - 1)
    search.note[best.last - best.first] = ahead_now
    for row in range(best.last - 1, best.first, -1):
        if not rules.strict_increase or rows.time[row] != rows.time[row + 1]:
            ahead |= ahead_now
            ahead_now = 0
        fits = ahead >> 1 & _bits(rows, row) if _value(rows, row) == _value(rows, best.first) else 0
        search.note[row - best.first] = fits
        lost = _ends(rows, rules, row) << 1
        ahead &= ~lost
        ahead_now = ahead_now & ~lost | fits
    row = best.first
    for step in range(1, best.length):
        before = row
        while not search.note[row - best.first] >> step & 1 or not _follows(rows, rules, before, row):
            row += 1
        matched[step], steps[step] = row, step


@lean
def _follows(rows, rules, before, row):
    return rows.time[row] > rows.time[before] if rules.strict_increase else row > before


@lean
def _best_any_order(rows, rules, search, begin, end, last_start):
    """Like `_best_ordered`, but after its first row a chain has each step at most once, in any order.

    The number of steps that the rows since a start can reach is a maximum matching of rows with steps. The matching
    that prefers later rows is kept: its part after any start is a maximum matching of those rows (the greedy algorithm
    on a transversal matroid). An excluded row ends a chain unless it is matched, so the excluded rows that can all be
    matched are kept in the same way; `floor` is the last one that cannot, and no chain starts before it.

    `last[..., 0]` is the row that a step is matched with, `[..., 1]` the same among excluded rows; `note` is the latest
    start before a row.
    """
    n_steps, search_last = rules.n_steps, search.last
    best = _Best(0, NO_ROW, NO_ROW)
    n_lines = 0
    # The last excluded row, and the last one with another held value.
    excluded, excluded_otherwise = NO_ROW, NO_ROW
    # The first row within the window.
    opens = begin
    # For a step without a matched row: before the first row.
    search.note[0] = NO_ROW
    for row in range(begin, end):
        now = rows.time[row]
        if now - rules.window > last_start:
            break
        line = _line(rows, search, row, n_lines)
        if line == n_lines:
            n_lines += 1
            search_last[line] = NO_ROW
            search.start[line] = NO_ROW
            search.floor[line] = NO_ROW
        bits = _bits(rows, row) & ~1
        has_start = line >= 0 and search.start[line] != NO_ROW and now - rows.time[search.start[line]] <= rules.window
        if has_start and bits:
            foreign = excluded
            if excluded != NO_ROW and _value(rows, excluded) == _value(rows, row):
                foreign = excluded_otherwise
            floor = max(search.floor[line], foreign)
            while now - rows.time[opens] > rules.window:
                opens += 1
            floor = max(floor, opens)
            search.note[row - begin] = search.start[line]
            _place(rows, search, search_last, line, 0, row, bits, True)
            length, first = 1, row
            for step in range(1, n_steps):
                start = search.note[max(search_last[line, step, 0] - begin, 0)]
                is_in = start >= floor
                length += is_in
                first = min(first, start if is_in else row)
            if length > 1:
                best = _better(best, length, first, row)
        if line >= 0 and _bits(rows, row) & 1 and now <= last_start:
            search.start[line] = row
            best = _better(best, 1, row, row)
        if len(rows.excluded) and rows.excluded[row]:
            if line >= 0:
                search.floor[line] = max(
                    search.floor[line], _place(rows, search, search_last, line, 1, row, bits, True)
                )
            if excluded != NO_ROW and _value(rows, excluded) != _value(rows, row):
                excluded_otherwise = excluded
            excluded = row
        if rules.entries and best.length == n_steps:
            break
    return best


@lean
def _fill_any_order(rows, search, best, matched, steps):
    """Write the rows of the best chain: every excluded one before its last, otherwise the earliest that add a step."""
    search_last = search.last
    search_last[0, :, 0] = NO_ROW
    has_excluded = len(rows.excluded) > 0
    for others in range(0 if has_excluded else 1, 2):
        for row in range(best.first + 1, best.last + 1):
            is_excluded = has_excluded and rows.excluded[row] != 0 and row < best.last
            if is_excluded != others and _value(rows, row) == _value(rows, best.first):
                _place(rows, search, search_last, 0, 0, row, _bits(rows, row) & ~1, False)
    matched[0] = best.first
    length = 1
    for step in range(1, len(matched)):
        row = search_last[0, step, 0]
        if row == NO_ROW:
            continue
        place = length
        while matched[place - 1] > row:
            matched[place], steps[place] = matched[place - 1], steps[place - 1]
            place -= 1
        matched[place], steps[place] = row, step
        length += 1


@lean
def _place(rows, search, search_last, line, kind, row, bits, is_preferred):
    """Match the row with a step, moving other rows to other steps that they satisfy; return the unmatched row, or -1.

    If there are not enough steps, the oldest row that can make room is unmatched, if this row is preferred to it.
    """
    if bits == 0:
        return row
    if bits & (bits - 1) == 0:
        step = _lowest(bits)
        before = search_last[line, step, kind]
        if before == NO_ROW or not _bits(rows, before) & ~1 & ~bits:
            if before != NO_ROW and not is_preferred:
                return row
            search_last[line, step, kind] = row
            return before
    return _make_room(rows, search, line, kind, row, bits, is_preferred)


@lean
def _make_room(rows, search, line, kind, row, bits, is_preferred):
    """Like `_place`, if the row has a choice of steps or another row must move."""
    holder = search.last[line, :, kind]
    seen, ahead, target = np.int64(0), bits, -1
    for step in range(len(holder)):
        if bits >> step & 1:
            search.came_from[step] = -1
    while ahead and target < 0:
        step = _lowest(ahead)
        ahead ^= np.int64(1) << step
        seen |= np.int64(1) << step
        if holder[step] == NO_ROW:
            target = step
            break
        more = _bits(rows, holder[step]) & ~1 & ~seen & ~ahead
        ahead |= more
        for other in range(len(holder)):
            if more >> other & 1:
                search.came_from[other] = step
    left = NO_ROW
    if target < 0:
        if not is_preferred:
            return row
        for step in range(len(holder)):
            if seen >> step & 1 and (target < 0 or holder[step] < holder[target]):
                target = step
        left = holder[target]
    while search.came_from[target] >= 0:
        holder[target] = holder[search.came_from[target]]
        target = search.came_from[target]
    holder[target] = row
    return left


@lean
def _better(best, length, first, last):
    is_better = length > best.length or (length == best.length and first > best.first)
    return _Best(length, first, last) if is_better else best


@lean
def _bits(rows, row):
    return np.int64(rows.satisfied[row])


@lean
def _value(rows, row):
    return rows.held[row] if len(rows.held) else np.int64(0)


@lean
def _line(rows, search, row, n_lines):
    """Return the line of the row's value: `n_lines` for a new value, -1 for null."""
    value = _value(rows, row)
    if value < 0:
        return NO_ROW
    line = search.line[value]
    if line < n_lines and search.value[line] == value:
        return line
    search.line[value], search.value[n_lines] = n_lines, value
    return n_lines


@compiled
def _scratch(n_values, n_steps, most):
    lines = most if n_values else 1
    return _Search(
        np.empty(lines, np.int64),
        np.zeros(max(1, n_values), np.int64),
        np.empty((lines, n_steps, 2), np.int64),
        np.empty((lines, n_steps, 2), np.int64),
        np.empty(lines, np.int64),
        np.empty(lines, np.int64),
        np.empty(n_steps, np.int64),
        np.empty(most, np.int64),
        np.empty(n_steps, np.int64),
    )
