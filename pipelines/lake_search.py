"""Find the table whose data files are broken, if the error of reading them does not name it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from deltalake.exceptions import DeltaError

from pipelines.lake import Handle, Lake
from pipelines.lake_damage import (
    Damage,
    LakeDamaged,
    damage_by_message,
    damage_in_store,
    damage_of,
    files_damaged,
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
    """Turn an error of Polars or Delta about a data file into `LakeDamaged`, with the table if it is found.

    Polars names no file, and files in an object store are not checked before they are read. So the lengths of all files
    are compared with their logs; a broken file of the right length is found by `emberline doctor --read` only.
    """
    try:
        yield
    except BaseException as error:  # a panic of Polars is no Exception
        if (damage := _damage(error)) is None or (damage is error and damage.place is not None):
            raise
        raise (damage_in(lake) or damage) from error


def _damage(error: BaseException | None) -> LakeDamaged | None:
    """Return the damage that an error, or an error it was raised from, reports; None if it is about something else."""
    while error is not None:
        if isinstance(error, EmberlineError):
            return error if isinstance(error, LakeDamaged) else None
        if refusal(error) is not None:
            return None
        if damage := damage_by_message(type(error).__name__, str(error)):
            return damage
        error = error.__cause__
    return None


def damage_in(lake: Lake) -> LakeDamaged | None:
    """Find the first table with a file that is gone or differs in length from what was written."""
    for table in TABLES.values():
        try:
            handle = lake.find(table)
            if handle is not None and any(damage := all_damage(lake, handle)):
                return files_damaged(table, lake.table_uri(table), damage)
        except EmberlineError as error:
            if isinstance(error, LakeDamaged):
                return error
    return None
