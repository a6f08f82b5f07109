"""Payloads that are nearly right: each field taken out, of another type, or unheard of; and bytes that are cut off."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from pipelines.carriers.base import JSON_ERRORS

_OTHERS: Final[tuple[Any, ...]] = (None, "", "zz-unheard-of", -1, 0, 2**53 + 1, 1.5, True, [], {}, [None], [{}])


_MOST: Final = 100
"""Mutations of one payload; a large one has tens of thousands."""


def mutated(value: bytes) -> Iterator[bytes]:
    """Give mutations of a payload, each time the same. Of what is no JSON object only the bytes are cut."""
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
