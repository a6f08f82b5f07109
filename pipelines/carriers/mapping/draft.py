"""A first mapping for payloads that nobody has mapped yet: guesses by names and values, for a person to correct."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from pipelines.carriers.mapping.rows import parse_payload

_NAMES: Final[dict[str, str]] = {
    "id": r"(^|[._])(event|message|msg|order)?_?(u?u?id|msgid)$",
    "time": r"time|date|stamp|(^|[._])(ts|at)$|created|sent",
    "group": r"group|room|channel|chat|forum|stream|thread|conversation",
    "account": r"user|member|author|sender|from|customer|account",
    "text": r"text|content|body|message$",
    "type": r"type|event|kind|action",
}
_UNITS: Final = ((1e17, "nanoseconds"), (1e14, "microseconds"), (1e11, "milliseconds"), (6e8, "seconds"))
_RFC_3339: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d.*(Z|[+-]\d\d:?\d\d)$")
_LOCAL: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d")
_FEW: Final = 20


@dataclass
class _Place:
    """The values at a path in the payloads."""

    path: str
    values: list[Any] = field(default_factory=list)

    def is_scalar(self) -> bool:
        return all(isinstance(one, str | int | float) and not isinstance(one, bool) for one in self.values)


def draft_mapping(values: Sequence[bytes], name: str) -> str:
    """Write a mapping, as YAML, for payloads of one source.

    Args:
        values: JSON objects.
        name: What to call the carrier.
    """
    parsed = [one for value in values if isinstance(one := parse_payload(value), dict)]
    places: dict[str, _Place] = {}
    for payload in parsed:
        for path, value in _leaves(payload):
            places.setdefault(path, _Place(path)).values.append(value)
    n_payloads = len(parsed)
    scalars = [place for place in places.values() if place.is_scalar()]
    found = {role: _named(scalars, role, n_payloads) for role in _NAMES}
    found["id"] = _distinct(scalars, n_payloads) or found["id"]
    time, unit = _time(scalars)
    kinds = Counter(str(one) for one in found["type"].values) if found["type"] else Counter()
    lines = [
        f"# A draft from {n_payloads} payloads. Look at each line: what is wrong here is wrong in every figure.",
        f"name: {name}",
        f"title: {name}",
        f"platform: {name}",
        "coverage: full          # full | mentions | metadata | aggregate: how much of a group's life it sees",
        "membership: none        # events | snapshots | joins_only | none: how it knows who is in a group",
        "time_quality: second    # exact | second | minute | bound | arrival",
    ]
    if found["text"]:
        lines.append(f"texts: [{found['text'].path}]")
    if found["type"]:
        lines.append(f'called: "{{{found["type"].path}}}"')
    lines.append("cases:")
    if found["type"] and len(kinds) <= _FEW:
        lines += [f"  # {found['type'].path}: " + ", ".join(f"{kind} ({n})" for kind, n in kinds.most_common())]
    lines += [
        "  - emit:",
        "      - kind: message.sent    # all kinds: docs/reference/events.md",
        *_line("id", found["id"], 'id: "message/{%s}"', "the same whenever it is delivered again, and of no other"),
        *_line("time", time, f'time: {{of: "{{%s}}", unit: {unit}}}', "when it happened"),
        *_line("group", found["group"], 'group: "{%s}"', "the group's id on its platform"),
        *_line("account", found["account"], 'account: "{%s}"', "who did it"),
        *_line("id", found["id"], 'message_id: "{%s}"', "what replies and recalls name"),
        *_line("text", found["text"], "text: {of: %s}", "only its measures are kept"),
    ]
    return "\n".join(lines)


def _line(word: str, place: _Place | None, form: str, why: str) -> Iterator[str]:
    if place is None:
        yield f"        # {word}: nothing in the payloads looks like it ({why})"
    else:
        examples = ", ".join(repr(one)[:30] for one in place.values[:2])
        yield f"        {form % place.path}    # {why}; such as {examples}"


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            part = name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else f"'{name}'"
            yield from _leaves(inner, f"{path}.{part}" if path else part)
    elif not isinstance(value, list) and value is not None:
        yield path, float(bytes(value)) if isinstance(value, msgspec.Raw) else value


def _named(places: Iterable[_Place], role: str, n_payloads: int) -> _Place | None:
    """Return the shortest path whose name fits the role and that most payloads have."""
    fitting = [one for one in places if re.search(_NAMES[role], one.path, re.IGNORECASE)]
    return min(fitting, key=lambda one: (-min(len(one.values), n_payloads), *_depth(one)), default=None)


def _distinct(places: Iterable[_Place], n_payloads: int) -> _Place | None:
    """Return the path of the payload's id: it has such a name, and no two payloads have the same value."""
    named = [one for one in places if re.search(_NAMES["id"], one.path, re.IGNORECASE)]
    fitting = [one for one in named if len(set(map(str, one.values))) == len(one.values) == n_payloads]
    return min(fitting, key=_depth, default=None)


def _depth(place: _Place) -> tuple[int, int]:
    return place.path.count("."), len(place.path)


def _time(places: Iterable[_Place]) -> tuple[_Place | None, str]:
    fitting = [(one, unit) for one in places if (unit := _unit(one.values[0])) is not None]
    named = [pair for pair in fitting if re.search(_NAMES["time"], pair[0].path, re.IGNORECASE)]
    found = min(named or fitting, key=lambda pair: _depth(pair[0]), default=None)
    return found or (None, "seconds")


def _unit(value: Any) -> str | None:
    """Return the unit in which a value would be a time of the present decades; None if there is none."""
    if isinstance(value, str) and not value.isdigit():
        if _RFC_3339.fullmatch(value):
            return "rfc3339"
        return "local" if _LOCAL.match(value) else None
    number = float(value)
    unit = next((unit for least, unit in _UNITS if number >= least), None)
    latest = dt.datetime(2100, 1, 1, tzinfo=dt.UTC).timestamp()
    scale = {"seconds": 1, "milliseconds": 1e3, "microseconds": 1e6}.get(unit or "", 0)
    return unit if scale and number / scale < latest else None
