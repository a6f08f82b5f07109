"""Compile the cases of a mapping to expressions: conditions on payloads, and columns of their events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, reduce
from operator import add, mul
from typing import Final

import msgspec
import polars as pl

from pipelines.carriers.base import DECODED_SCHEMA
from pipelines.carriers.mapping.account_ids import event_id, refuse_unmarked_ids
from pipelines.carriers.mapping.amounts import amount
from pipelines.carriers.mapping.expressions import Compiled, condition, value
from pipelines.carriers.mapping.measures import measures
from pipelines.carriers.mapping.model import (
    CarrierMapping,
    Case,
    Chosen,
    Event,
    Instant,
    Items,
    Member,
    Money,
    Number,
    Value,
)
from pipelines.carriers.mapping.scope import Scope, Steps
from pipelines.carriers.mapping.times import instant
from schemas.kinds import MOST_COUNT, REQUIRED

Fault = tuple[pl.Expr, pl.Expr, pl.Expr]
"""Condition, reason and detail."""

_KEYS: Final = {"group_id": "group", "account_id": "account", "linked_account_id": "linked_account"}
_IDS: Final = {"message_id": "message_id", "reply_to": "reply_to", "product_id": "product", "order_id": "order"}
_WORDS: Final = {
    "group_name": "group_name",
    "group_purpose": "group_purpose",
    "message_kind": "message_kind",
    "currency": "currency",
    "campaign": "campaign",
}
_FIELD_OF: Final = {
    **_KEYS,
    **_IDS,
    **_WORDS,
    "event_id": "id",
    "time": "time",
    "amount_minor": "amount",
    "members": "members",
}
"""Column -> its name in mappings."""

_COUNTS: Final = {"length": "text_length", "links": "links", "mentions": "mentions"}

MADE: Final = "made "
"""Prefix of an event's columns beside the payload's fields; no path begins with a space."""

_ITEM: Final = {"product_id": pl.String(), "quantity": pl.Int64(), "amount_minor": pl.Int64()}
_NO_CURRENCY: Final = pl.lit(None, pl.String())
_CODE: Final = r"\A[A-Z]{3}\z"


@dataclass(frozen=True)
class Collected:
    """A list column with a struct per element of the list `each`; faults are conditions and details.

    Attributes:
        first: Shared expressions, in steps, to be computed before its fields.
    """

    each: str | None
    first: tuple[dict[str, pl.Expr], ...]
    fields: dict[str, pl.Expr]
    faults: tuple[tuple[pl.Expr, pl.Expr], ...]
    holds: pl.Expr = field(default_factory=lambda: pl.lit(value=True))

    @property
    def reads(self) -> frozenset[str]:
        """Return the columns of elements that its expressions name, also those that its own steps make."""
        return _reads(self.holds, self.first, self.fields, self.faults)


@dataclass(frozen=True)
class Emitted:
    """An event of a case: columns over the levels `each` (empty for the payload itself), and its faults in order.

    Attributes:
        first: Shared expressions, in steps, to be computed before its columns.
    """

    each: tuple[str, ...]
    holds: pl.Expr
    first: tuple[dict[str, pl.Expr], ...]
    columns: dict[str, pl.Expr]
    collected: dict[str, Collected]
    faults: tuple[Fault, ...]

    @cached_property
    def reads(self) -> frozenset[str]:
        """The columns that its expressions name, also those that its own steps and columns make."""
        return _reads(self.holds, self.first, self.columns, self.faults)


@dataclass(frozen=True)
class CompiledCase:
    """A condition on payloads, and their events or the reason for ignoring them."""

    holds: pl.Expr
    ignore: str | None
    emit: tuple[Emitted, ...]

    @cached_property
    def reads(self) -> dict[tuple[str, ...], frozenset[str]]:
        """Return the columns that the case reads, by the lists from whose elements they are read."""
        found: dict[tuple[str, ...], frozenset[str]] = {(): _columns([self.holds, self.most_events])}
        for event in self.emit:
            found[event.each] = found.get(event.each, frozenset()) | event.reads
            for collected in event.collected.values():
                each = event.each if collected.each is None else (collected.each,)
                found[each] = found.get(each, frozenset()) | collected.reads
        return found

    @property
    def most_events(self) -> pl.Expr:
        """Return the highest number of events of a payload, if no condition fails."""
        one = pl.lit(1, pl.Int64)
        of_each = (reduce(mul, (pl.col(f"{each}:count") for each in event.each), one) for event in self.emit)
        return reduce(add, of_each, pl.lit(0, pl.Int64))


def _reads(
    holds: pl.Expr,
    first: Sequence[Mapping[str, pl.Expr]],
    columns: Mapping[str, pl.Expr],
    faults: Sequence[tuple[pl.Expr, ...]],
) -> frozenset[str]:
    steps = (one for step in first for one in step.values())
    return _columns([holds, *steps, *columns.values(), *(one for fault in faults for one in fault)])


def _columns(expressions: Iterable[pl.Expr]) -> frozenset[str]:
    return frozenset(name for one in expressions for name in one.meta.root_names())


def compiled_case(mapping: CarrierMapping, case: Case, scope: Scope) -> CompiledCase:
    """Compile a case.

    Raises:
        PathError: A path in it is not valid.
        UnmarkedId: See `refuse_unmarked_ids`.
    """
    emit = tuple(_emitted(mapping, event, scope) for event in case.emit)
    return CompiledCase(condition(case.when, scope), case.ignore, emit)


@dataclass
class _Columns:
    """Columns of an event, and the faults of each."""

    values: dict[str, pl.Expr] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def add(self, name: str, compiled: Compiled) -> None:
        """Add a column; if it exists, the new one replaces its nulls."""
        known = self.values.get(name)
        self.values[name] = compiled.value if known is None else pl.coalesce(known, compiled.value)
        self.blame(compiled.faults)

    def blame(self, faults: Iterable[tuple[pl.Expr, pl.Expr]]) -> None:
        """Add a fault of a field."""
        self.faults += [(broken, pl.lit("invalid_field"), detail) for broken, detail in faults]


def _emitted(mapping: CarrierMapping, event: Event, scope: Scope) -> Emitted:
    each = (event.each,) if isinstance(event.each, str) else tuple(event.each or ())
    for one in each:
        scope.path(one)
    refuse_unmarked_ids(event, mapping.fields)
    made = _Columns()
    of_elements = scope
    scope = replace(scope, steps=(steps := Steps()))
    _add_time(mapping, event, scope, made)
    of_event = replace(scope, time=made.values["time"])
    made.add("event_id", event_id(event, of_event))
    made.add("source", value(event.source or mapping.source or mapping.name, scope))
    made.add("type", Compiled(pl.lit(event.kind)))
    made.add("role", value(_with_otherwise(event.role, "member"), scope))
    for name, field_name in _KEYS.items():
        if (asked := getattr(event, field_name)) is not None:
            made.add(name, key(mapping, asked, scope))
    for name, field_name in {**_IDS, **_WORDS}.items():
        if (asked := getattr(event, field_name)) is not None:
            made.add(name, _once(value(asked, scope, is_id=name in _IDS), scope))
    made.add("carrier", _carrier(mapping, event, made.values, scope))
    _add_measures(event, scope, made)
    currency = made.values.get("currency", _NO_CURRENCY)
    made.blame([(~currency.str.contains(_CODE), pl.format("{} is not a currency code of ISO 4217", currency))])
    if event.amount is not None:
        made.add("amount_minor", amount(event.amount, currency, scope))
    collected = {}
    if event.items is not None:
        of_each = _NO_CURRENCY if event.currency is None else value(event.currency, of_elements).value
        collected["items"] = _items(event.items, of_each, of_elements)
        made.add("items", _collected("items"))
    if event.members is not None:
        parts = event.members if isinstance(event.members, list) else [event.members]
        named = {f"members {number}": _members(mapping, part, of_elements) for number, part in enumerate(parts)}
        collected |= named
        lists = [_collected(name) for name in named]
        nobody = pl.lit([], DECODED_SCHEMA["members"])
        whole = lists[0].value if len(lists) == 1 else pl.concat_list(one.value.fill_null(nobody) for one in lists)
        made.add("members", Compiled(whole, tuple(broken for one in lists for broken in one.faults)))
    holds = condition(event.when, of_elements)
    faults = (*made.faults, *_missing(event, made.values))
    return Emitted(each, holds, tuple(steps.steps), made.values, collected, faults)


def _missing(event: Event, columns: dict[str, pl.Expr]) -> list[Fault]:
    """Return faults for fields that the kind needs and the payload lacks."""
    needed = ["event_id", *REQUIRED.get(event.kind, ())] + (["time"] if event.time != "arrival" else [])
    return [
        (
            pl.col(f"{MADE}{name}").is_null() if name in columns else pl.lit(value=True),
            pl.lit("missing_field"),
            pl.lit(f"{event.kind} needs {name}{_place(getattr(event, _FIELD_OF[name]))}"),
        )
        for name in needed
    ]


def _place(asked: object) -> str:
    """Return the path where the payload would have the field, if one template names it."""
    match asked:
        case [first, *_]:
            return _place(first)
        case Chosen(of=[str(template), *_]) | Chosen(of=str(template)) | Instant(of=template):
            return f" (from {template})"
        case Money(of=inner):
            return _place(inner)
        case str() if "{" in asked:
            return f" (from {asked})"
        case _:
            return ""


def _add_time(mapping: CarrierMapping, event: Event, scope: Scope, made: _Columns) -> None:
    if event.time == "arrival":
        made.add("time", Compiled(pl.lit(None, DECODED_SCHEMA["time"])))
        made.add("time_quality", Compiled(pl.lit("arrival")))
        return
    time, quality = instant(event.time, scope)
    made.add("time", time)
    made.add("time_quality", Compiled(quality.fill_null(mapping.time_quality)))


def _add_measures(event: Event, scope: Scope, made: _Columns) -> None:
    """Add measures of a text; numbers of the payload override the counts, except for the length."""
    said = {name: _number(asked, scope) for name in _COUNTS.values() if (asked := getattr(event, name)) is not None}
    measured = measures(event.text, scope) if event.text is not None else None
    made.blame(measured.faults if measured else ())
    for measure, name in _COUNTS.items():
        parts = [said[name]] if name in said else []
        if measured is not None:
            parts.insert(0 if name == "text_length" else 1, Compiled(measured.counts[measure]))
        for part in parts:
            made.add(name, part)


def _number(asked: Number, scope: Scope) -> Compiled:
    if asked.count is not None:
        return Compiled(scope.count(asked.count))
    written = value(asked.of or "", scope, is_id=True)
    text = scope.once(written.value)
    number = text.cast(pl.Int64, strict=False)
    number = scope.once(pl.when(number.is_between(0, MOST_COUNT)).then(number))
    unread = pl.format(f"{{}} is not a count - at {', '.join(written.paths)}", text)
    return Compiled(number, (*written.faults, (text.is_not_null() & number.is_null(), unread)), written.paths)


def key(mapping: CarrierMapping, asked: Value, scope: Scope) -> Compiled:
    """Return the key of a group or account: platform and id."""
    native = value(asked, scope, is_id=True)
    key = pl.concat_str(_platform(mapping, asked, scope), pl.lit(":"), native.value)
    return _once(Compiled(key, native.faults, native.paths), scope)


def _platform(mapping: CarrierMapping, asked: Value, scope: Scope) -> pl.Expr:
    own = asked.platform if isinstance(asked, Chosen) else None
    return scope.once(value(own or mapping.platform, scope).value)


def _once(compiled: Compiled, scope: Scope) -> Compiled:
    """Return a shared expression that is computed once."""
    return replace(compiled, value=scope.once(compiled.value))


def _carrier(mapping: CarrierMapping, event: Event, columns: dict[str, pl.Expr], scope: Scope) -> Compiled:
    """Return the platform in the key of the group, or else of the account."""
    found = []
    for name in ("group_id", "account_id"):
        if (asked := getattr(event, _KEYS[name])) is not None:
            platform = _platform(mapping, asked, scope).str.extract("^([^:]*)", 1)
            found.append(pl.when(columns[name].is_not_null()).then(platform))
    return Compiled(pl.coalesce(found) if found else pl.lit(None, pl.String()))


def _items(items: Items, currency: pl.Expr, scope: Scope) -> Collected:
    scope.path(items.each)
    scope = replace(scope, steps=(steps := Steps()))
    currency = scope.once(currency)
    quantity = None if items.quantity is None else _number(Number(of=items.quantity), scope)
    given = {
        "product_id": None if items.product is None else value(items.product, scope, is_id=True),
        "quantity": quantity,
        "amount_minor": None if items.amount is None else amount(items.amount, currency, scope),
    }
    if items.price is not None:
        price = amount(items.price, currency, scope)
        so_many = pl.lit(1) if quantity is None else quantity.value
        given["amount_minor"] = Compiled(price.value * so_many, price.faults, price.paths)
    nothing = Compiled(pl.lit(None))
    fields = {name: (given[name] or nothing).value.cast(dtype) for name, dtype in _ITEM.items()}
    faults = tuple(one for part in given.values() if part for one in part.faults)
    return Collected(items.each, tuple(steps.steps), fields, faults)


def _members(mapping: CarrierMapping, member: Member, scope: Scope) -> Collected:
    if member.each is not None:
        scope.path(member.each)
    scope = replace(scope, steps=(steps := Steps()))
    account = key(mapping, member.id, scope)
    role = value(_with_otherwise(member.role or "member", "member"), scope)
    missing = (account.value.is_null(), pl.lit(f"a member needs an id{_place(member.id)}"))
    fields = {"id": account.value, "role": role.value}
    faults = (*account.faults, *role.faults, missing)
    return Collected(member.each, tuple(steps.steps), fields, faults, condition(member.when, scope))


def _collected(name: str) -> Compiled:
    at_fault = pl.col(f"{name}:fault")
    return Compiled(pl.col(name), ((at_fault.is_not_null(), at_fault),))


def _with_otherwise(asked: Value, otherwise: str) -> Value:
    if isinstance(asked, str) or asked.otherwise is not None:
        return asked
    return msgspec.structs.replace(asked, otherwise=otherwise)
