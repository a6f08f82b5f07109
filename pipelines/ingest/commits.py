"""Commits to `raw` made beside the reading: while one batch is written, the next is read.

At most one commit is under way, so two batches lie in memory, whatever the backlog. A position moves with its commit
and no sooner: who reads ahead has to forget what was read when the commit before it is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

import polars as pl

from pipelines.lake import Handle, Lake


class Commits:
    """Appends to one table, one commit at a time, in a thread of its own. Leaving it waits for the last one."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="commit")
        self._under_way: tuple[Future[None], Callable[[], None]] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._thread.shutdown()

    def begin(
        self,
        handle: Handle,
        rows: Callable[[], pl.DataFrame],
        transactions: Mapping[str, int],
        on_landed: Callable[[], None],
    ) -> None:
        """Start a commit once the one before has landed.

        Args:
            handle: loaded before the positions were read; nobody else may use it before the commit has landed.
            rows: makes the rows to append, in the thread.
            transactions: app id -> position behind the rows.
            on_landed: called by the next `begin` or `land` when the commit is in the table.

        Raises:
            Exception: what the commit before ended with, see `Lake.append`; then this one is not started.
        """
        self.land()
        future = self._thread.submit(lambda: self._lake.append(handle, rows(), transactions))
        self._under_way = future, on_landed

    def land(self) -> None:
        """Wait for the commit that is under way.

        Raises:
            Exception: what it ended with, see `Lake.append`.
        """
        if self._under_way is None:
            return
        (future, on_landed), self._under_way = self._under_way, None
        future.result()
        on_landed()
