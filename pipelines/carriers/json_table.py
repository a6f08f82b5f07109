"""The rules of a msgspec contract for each JSON field, as arrays for compiled code.

The table is derived from the contract's types, so the two cannot differ. What a table cannot express (lists, unknown
patterns, unions) becomes `OTHER`: such values are left to msgspec.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import msgspec
import numpy as np
from msgspec import inspect
from numpy.typing import NDArray

OTHER: Final = 0
TEXT: Final = 1
KEY: Final = 2
LETTERS: Final = 3
CHOICE: Final = 4
NUMBER: Final = 5
INSTANT: Final = 6
STRUCT: Final = 7

STRINGS: Final = frozenset({TEXT, KEY, LETTERS, CHOICE})
NUMBERS: Final = frozenset({NUMBER, INSTANT})

PATTERNS: Final = {None: TEXT, "^[a-z0-9_.-]+:.+": KEY, "^[A-Z]{3}$": LETTERS}
"""Regular expressions of the contract that compiled code supports."""

UNBOUNDED: Final = 2**31 - 1

FIELD: Final = np.dtype(
    [
        ("name", np.int32),
        ("name_length", np.int32),
        ("scope", np.int32),
        ("kind", np.int32),
        ("nullable", np.bool_),
        ("required", np.bool_),
        ("least", np.int64),
        ("most", np.int64),
        ("options", np.int32),
        ("option_count", np.int32),
    ]
)
"""A field. `name` is a position in the table's text, `options` an index of its options, `scope` 1 inside a struct."""

NAME_MARKS: Final = 3
"""Bytes around a name in the table's text: a quote before it, a quote and a colon after it."""


class ContractTooDeep(TypeError):
    """A contract that a table cannot express: structs inside structs, or fields without a default in them."""


@dataclass(frozen=True)
class JsonTable:
    """The fields of a struct and of the structs directly in it.

    Attributes:
        names: Names of the fields, unique.
        fields: [n] of `FIELD`.
        options: [k, 2] start and length in `text` of each allowed value.
        text: All names, as JSON writes them before a value, and allowed values.
        defaults: Name -> default of a missing field, if it is not null.
    """

    names: tuple[str, ...]
    fields: NDArray[np.void]
    options: NDArray[np.int32]
    text: NDArray[np.uint8]
    defaults: dict[str, Any]

    @classmethod
    def of(cls, contract: type[msgspec.Struct]) -> JsonTable:
        """Return the table of a contract.

        Raises:
            ContractTooDeep: A table cannot express it.
        """
        described = _fields_of(contract)
        names = [field.encode_name for _, field in described]
        if len(set(names)) < len(names):
            raise ContractTooDeep(f"{contract.__name__} has fields of one name in two structs.")
        text = bytearray()
        rows, options, defaults = [], [], {}
        for scope, field in described:
            kind, nullable, least, most, allowed = _rule(field.type)
            head = f'"{field.encode_name}":'.encode()
            rows.append(
                (len(text) + 1, len(head) - NAME_MARKS, scope, kind, nullable, field.required, least, most,
                 len(options), len(allowed))
            )  # fmt: skip
            text += head
            for option in allowed:
                options.append((len(text), len(option.encode())))
                text += option.encode()
            if field.default not in (msgspec.NODEFAULT, None):
                defaults[field.encode_name] = field.default
        return cls(
            names=tuple(names),
            fields=np.array(rows, FIELD),
            options=np.array(options, np.int32).reshape(-1, 2),
            text=np.frombuffer(bytes(text), np.uint8),
            defaults=defaults,
        )


def _fields_of(contract: type[msgspec.Struct]) -> list[tuple[int, inspect.Field]]:
    described = []
    for field in _struct(inspect.type_info(contract)).fields:
        described.append((0, field))
        if isinstance(field.type, inspect.StructType):
            inner = _struct(field.type).fields
            if field.required or any(one.required or isinstance(one.type, inspect.StructType) for one in inner):
                raise ContractTooDeep(f"{contract.__name__}.{field.name} holds more than optional plain fields.")
            described += [(1, one) for one in inner]
    return described


def _struct(described: inspect.Type) -> inspect.StructType:
    if not isinstance(described, inspect.StructType) or described.tag or described.array_like:
        raise ContractTooDeep("Only untagged structs that are JSON objects have a table.")
    if described.forbid_unknown_fields:
        raise ContractTooDeep("A contract that forbids unknown fields has no table.")
    return described


def _rule(declared: inspect.Type) -> tuple[int, bool, int, int, tuple[str, ...]]:
    """Return kind, nullability, minimum and maximum (of a number, or of a text's length) and the allowed values."""
    nullable = False
    if isinstance(declared, inspect.UnionType):
        others = [one for one in declared.types if not isinstance(one, inspect.NoneType)]
        nullable = len(others) < len(declared.types)
        if len(others) != 1:
            return OTHER, nullable, 0, 0, ()
        declared = others[0]
    match declared:
        case inspect.StrType() if declared.pattern in PATTERNS:
            most = UNBOUNDED if declared.max_length is None else declared.max_length
            return PATTERNS[declared.pattern], nullable, declared.min_length or 0, most, ()
        case inspect.LiteralType() if all(isinstance(value, str) for value in declared.values):
            return CHOICE, nullable, 0, 0, tuple(map(str, declared.values))
        case inspect.IntType(gt=None, lt=None, multiple_of=None) if declared.ge is not None and declared.le is not None:
            return NUMBER, nullable, declared.ge, declared.le, ()
        case inspect.DateTimeType(tz=True):
            return INSTANT, nullable, 0, 0, ()
        case inspect.StructType():
            return STRUCT, nullable, 0, 0, ()
    return OTHER, nullable, 0, 0, ()
