"""Base class of settings sections: typed, frozen, and strict about keys."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

_NAME: Final = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*")


class Section(BaseModel):
    """A section, or a table within one; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def refuse_wrong_name(table: str, names: Iterable[str]) -> None:
    """Refuse a name that cannot be part of an environment variable.

    Raises:
        ValueError: A name has other characters than small letters, digits and single underscores.
    """
    if wrong := [name for name in names if not _NAME.fullmatch(name)]:
        raise ValueError(f"{table}.{wrong[0]}: a name has small letters, digits and single underscores only")


def secrets_in(values: Mapping[str, Any], table: str, keys: Iterable[str]) -> Iterator[str]:
    """Yield the place of each secret in a file's table of tables, such as `pull.shop.secret`."""
    found: Any = values
    for name in table.split("."):
        found = found.get(name) if isinstance(found, Mapping) else None
    for name, settings in found.items() if isinstance(found, Mapping) else ():
        yield from (f"{table}.{name}.{key}" for key in keys if isinstance(settings, Mapping) and key in settings)


def in_words(message: str) -> str:
    """Return the message of a validator without what pydantic puts before it."""
    return message.removeprefix("Value error, ")
