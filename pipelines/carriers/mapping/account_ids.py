"""Ids of a mapping that are made of an account: they carry the mark by which they become pseudonyms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import polars as pl

from pipelines.carriers.mapping.expressions import Compiled, places_of, value
from pipelines.carriers.mapping.model import Event, Value
from pipelines.carriers.mapping.scope import Scope, as_list
from pipelines.events.event_ids import MARK, MARKED
from schemas.kinds import OF_AN_ACCOUNT

_FIELD_OF = {"message_id": "message_id", "reply_to": "reply_to", "order_id": "order"}


class UnmarkedId(ValueError):
    """An id that others refer to is made of the account and has no mark."""


def event_id(event: Event, scope: Scope) -> Compiled:
    """Compile the id of an event, with the mark if it is made of the account.

    Kinds whose ids all become pseudonyms need none.

    Raises:
        PathError: A path in it is not valid.
    """
    made = value(event.id, scope, is_id=True)
    if event.kind in OF_AN_ACCOUNT or not _is_unmarked(event.id, event, scope.fields):
        return made
    return Compiled(pl.lit(MARK) + made.value, made.faults, made.paths)


def refuse_unmarked_ids(event: Event, fields: Mapping[str, str | list[str]]) -> None:
    """Refuse an id made of the account that others refer to: whatever refers to it needs the same mark.

    Raises:
        UnmarkedId: An id is made of the account and has no mark.
    """
    for column in MARKED[1:]:
        asked = getattr(event, _FIELD_OF[column])
        if asked is not None and _is_unmarked(asked, event, fields):
            raise UnmarkedId(f"{_FIELD_OF[column]} of {event.kind} is made of the account")


def _is_unmarked(asked: Value, event: Event, fields: Mapping[str, str | list[str]]) -> bool:
    """Return whether a template names a place of the event's account, which is not one of its group's as well."""
    accounts = {place for key in (event.account, event.linked_account) for place in _places(key, fields)}
    accounts -= set(_places(event.group, fields))
    unmarked = (template for template in _templates(asked) if not template.startswith(MARK))
    return not accounts.isdisjoint(place for template in unmarked for place in _places(template, fields))


def _places(asked: Value | None, fields: Mapping[str, str | list[str]]) -> Iterator[str]:
    """Yield the paths of a value, those of named fields among them."""
    for template in _templates(asked):
        for place in places_of(template):
            yield from as_list(fields.get(place, place))


def _templates(asked: Value | None) -> Iterator[str]:
    match asked:
        case None:
            return
        case str():
            yield asked
        case _:
            yield from as_list(asked.of or [])
            for choice in asked.choose or []:
                yield from _templates(choice.is_)
            if asked.otherwise is not None:
                yield asked.otherwise
