"""Payloads that are nearly right: each field removed or of another type, an unknown field added; truncated bytes."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from pipelines.carriers.base import JSON_ERRORS

_OTHERS: Final[tuple[Any, ...]] = (None, "", "zz-unheard-of", -1, 0, 2**53 + 1, 1.5, True, [], {}, [None], [{}])
_EXTREMES: Final[tuple[Any, ...]] = (
    *_OTHERS, False, -0.0, 1e308, 5e-324, 2**63 - 1, 2**64, -(2**63), 10**30, " ", "0", "-1", "NaN", "\x00", "\u2028",
    "\U0001f600" * 40, "9" * 400, "2026-02-30T25:61:61Z", "0001-01-01T00:00:00Z", "&#0;%00%ZZ", "[CQ:at", "<xml>",
    "{", "]", [[[[]]]], {"": {"": None}},
)  # fmt: skip
_BYTES: Final = (b"\xff", b"\x00", b"\\ud800", b"\\", b'"', b"}", b"[", b",", b"1e999", b"-", b"\xc3", b"", b" ")

_MOST: Final = 100
"""Mutations of one payload; a large one has tens of thousands."""


def mutated(value: bytes) -> Iterator[bytes]:
    """Yield mutations of a payload, the same ones each time. A payload that is no JSON object is only truncated."""
    yield value[: len(value) // 2]
    yield value + b"}"
    try:
        payload = msgspec.json.decode(value)
    except JSON_ERRORS:
        return
    n_mutations = sum(1 for _ in _mutated(payload))
    chosen = set(random.Random(0).sample(range(n_mutations), min(_MOST, n_mutations)))  # noqa: S311 - no secret
    for place, changed in enumerate(_mutated(payload)):
        if place in chosen:
            yield msgspec.json.encode(changed)


def drawn(values: Sequence[bytes], wanted: int, seed: int) -> Iterator[tuple[int, bytes]]:
    """Draw payloads with a few changes each: removed or moved fields, extreme values, damaged bytes.

    Args:
        values: The payloads to change; a third of the inserted values are parts of other payloads.
        wanted: Number of changed payloads.
        seed: Seed of the random changes.

    Yields:
        The index of the payload in `values`, and the changed payload.
    """
    chance = random.Random(seed)  # noqa: S311 - no secret
    payloads: list[Any] = []
    for value in values:
        try:
            payloads.append(msgspec.json.decode(value))
        except JSON_ERRORS:
            payloads.append(None)
    parts = [part for payload in payloads for part in _parts(payload)]
    for _ in range(wanted):
        place = chance.randrange(len(values))
        value = values[place]
        if payloads[place] is not None and chance.random() < 0.8:
            payload = payloads[place]
            for _ in range(chance.choice((1, 1, 1, 2, 3))):
                payload = _changed(payload, chance, parts)
            value = msgspec.json.encode(payload)
            if chance.random() < 0.9:
                yield place, value
                continue
        start = chance.randrange(len(value) + 1)
        yield place, value[:start] + chance.choice(_BYTES) + value[start + chance.choice((0, 1, 2, len(value))) :]


def _parts(value: Any) -> Iterator[Any]:
    yield value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for one in inner:
        yield from _parts(one)


def _changed(value: Any, chance: random.Random, parts: Sequence[Any]) -> Any:
    """Change one field or element, found by a random walk down the value."""
    if isinstance(value, dict) and value and chance.random() < 0.9:
        name = chance.choice(list(value))
        match chance.randrange(8):
            case 0:
                return {other: inner for other, inner in value.items() if other != name}
            case 1:
                return {**value, "zz-unheard-of": value[name]}
            case _:
                return {**value, name: _changed(value[name], chance, parts)}
    if isinstance(value, list) and value and chance.random() < 0.9:
        place = chance.randrange(len(value))
        match chance.randrange(8):
            case 0:
                return value[:place]
            case 1:
                return [*value, *value]
            case _:
                return [*value[:place], _changed(value[place], chance, parts), *value[place + 1 :]]
    return chance.choice(parts) if chance.random() < 0.33 else chance.choice(_EXTREMES)


def _mutated(value: Any) -> Iterator[Any]:
    match value:
        case dict():
            for name in value:
                yield {other: inner for other, inner in value.items() if other != name}
                for inner in _mutated(value[name]):
                    yield value | {name: inner}
            yield value | {"zz-unheard-of": 1}
        case list():
            for place, one in enumerate(value):
                for inner in _mutated(one):
                    yield [*value[:place], inner, *value[place + 1 :]]
            yield [*value, *value]
        case _:
            yield from _OTHERS
