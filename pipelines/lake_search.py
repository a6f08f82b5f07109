"""Which table has broken data files, where the error that came of reading them does not say so."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from deltalake.exceptions import DeltaError

from pipelines.lake import Handle, Lake
from pipelines.lake_damage import (
    Damage,
    LakeDamaged,
    damage_in_store,
    damage_of,
    files_damaged,
    told_by_reader,
    unanswered,
)
from pipelines.lake_place import local_path
from pipelines.system_refusals import refusal
from schemas.errors import EmberlineError
from schemas.lake import TABLES


def all_damage(lake: Lake, handle: Handle) -> Damage:
    """Compare every data file of a table with its log, in a folder or in an object store.

    Raises:
        LakeUnavailable: the store does not answer.
    """
    files = lake.files(handle.table)
    if local_path(files.uri) is not None:
        return damage_of(handle.delta, most=None)
    try:
        return damage_in_store(handle.delta, files)
    except (DeltaError, OSError) as error:
        raise unanswered(handle.table, files.uri, error) from error


@contextmanager
def damage_named(lake: Lake) -> Iterator[None]:
    """Raise what Polars or Delta say of a data file in here as `LakeDamaged`, with its table where one is found.

    Polars names no file, and one in an object store is not looked at before it is read. All tables are compared with
    their logs then: a file that has the length that was written is found by `emberline doctor --read` only.
    """
    try:
        yield
    except BaseException as error:  # what Polars panics with is no Exception
        if (told := _told(error)) is None or (told is error and told.place is not None):
            raise
        raise (damage_in(lake) or told) from error


def _told(error: BaseException | None) -> LakeDamaged | None:
    """What the outermost error that is known says of a data file; None where it is about something else."""
    while error is not None:
        if isinstance(error, EmberlineError):
            return error if isinstance(error, LakeDamaged) else None
        if refusal(error) is not None:
            return None
        if told := told_by_reader(type(error).__name__, str(error)):
            return told
        error = error.__cause__
    return None


def damage_in(lake: Lake) -> LakeDamaged | None:
    """Find the first table of which a file is gone, or of another length than was written."""
    for table in TABLES.values():
        try:
            handle = lake.find(table)
            if handle is not None and any(damage := all_damage(lake, handle)):
                return files_damaged(table, lake.table_uri(table), damage)
        except EmberlineError as error:
            if isinstance(error, LakeDamaged):
                return error
    return None
