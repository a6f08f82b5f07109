"""The changes kept of a table: a chain of writes that leads from one version of its files to another."""

import polars as pl
import pytest

from pipelines import lake_changes
from pipelines.frames import Changed
from pipelines.lake_changes import ChangesKept

KEY = ["key"]


def change(gone: list[int], come: list[int]) -> Changed:
    return Changed(*(pl.DataFrame({"key": keys}, schema={"key": pl.Int64}) for keys in (gone, come)))


def found(kept: ChangesKept, before: str, now: str) -> tuple[list[int], list[int]] | None:
    changed = kept.between("sales", KEY, before, now)
    return None if changed is None else (sorted(changed.gone["key"]), sorted(changed.come["key"]))


@pytest.fixture
def kept() -> ChangesKept:
    kept = ChangesKept()
    kept.keep("sales", "a", "b", change([], [1, 2]))
    kept.keep("sales", "b", "c", change([2], [3]))
    return kept


def test_a_change_is_known_over_one_write_and_over_several(kept: ChangesKept) -> None:
    assert found(kept, "a", "b") == ([], [1, 2])
    assert found(kept, "b", "c") == ([2], [3])
    assert found(kept, "a", "c") == ([], [1, 3])


def test_what_was_not_written_here_is_unknown(kept: ChangesKept) -> None:
    assert found(kept, "a", "d") is None
    assert found(kept, "c", "a") is None
    assert kept.between("orders", KEY, "a", "b") is None


def test_a_write_of_somebody_else_between_breaks_the_chain(kept: ChangesKept) -> None:
    kept.keep("sales", "d", "e", change([], [4]))
    assert found(kept, "d", "e") == ([], [4])
    assert found(kept, "a", "c") is None
    assert found(kept, "a", "e") is None


def test_too_many_rows_are_not_kept(kept: ChangesKept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lake_changes, "MOST_ROWS", 4)
    kept.keep("sales", "c", "d", change([], [4]))
    assert found(kept, "c", "d") is None
    assert found(kept, "a", "b") is None
    kept.keep("sales", "d", "e", change([], [5]))
    assert found(kept, "d", "e") == ([], [5])
