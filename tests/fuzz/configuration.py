"""Settings at random, as variables and as a file, of the fields that the model has."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, Final, Literal, NamedTuple, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from emberline.settings import Settings
from tests.fuzz import values

_ODD_VARIABLES: Final = (
    ("EMBERLINE__NONSENSE", "1"), ("EMBERLINE__KAFKA__NONSENSE", "1"), ("EMBERLINE__RULES", "{"), ("EMBERLINE__", "x"),
    ("EMBERLINE__RULES", "7"), ("EMBERLINE_RULES__ZONE", "UTC"), ("EMBERLINE__RULES__ZONE__X", "UTC"), ("TZ", "none"),
    ("EMBERLINE__GROUPS__PURPOSES__SALES__STAY_DAYS", "3"), ("EMBERLINE__GROUPS__PURPOSES__SALES", "x"),
    ("EMBERLINE__ALERTS__CHANNELS__OPS", "no url"), ("EMBERLINE__KAFKA__TOPICS__X", "zulip"), ("LC_ALL", "none"),
    ("EMBERLINE_SETTINGS", "missing.toml"), ("EMBERLINE_SETTINGS", "folder"), ("EMBERLINE_SETTINGS", "one.jsonl"),
    ("EMBERLINE_SETTINGS", "binary.yaml"), ("EMBERLINE_SETTINGS", ""), ("EMBERLINE_SETTINGS", "loop"),
    ("PGOPTIONS", "-c nonsense=1"), ("PGSERVICE", "none"), ("TERM", "dumb"), ("COLUMNS", "1"), ("COLUMNS", "x"),
)  # fmt: skip
_ODD_FILES: Final = (
    b"", b"[", b"\xff\xfe", b"\xef\xbb\xbf[rules]\n", b"[rules]\nzone = 1\nzone = 2\n", b"rules = 7\n", b"x = 1\n",
    b"[[rules]]\n", b"[rules.zone]\nx = 1\n", b"x = " + b"[" * 5_000, b"\0", b"x" * 100_000,
)  # fmt: skip
_ODD_TOML: Final = (
    "true", "1", "-1", "1.5", "nan", "inf", "1979-05-27", "07:32:00", '""', '"a\\u0000b"', "[]", "{}", "[1, [2]]", "''",
    '{ x = "y" }', "{ x = { y = 1 } }", "9223372036854775807", "9223372036854775808", '"~nobody-of-that-name/x"',
)  # fmt: skip


class Setting(NamedTuple):
    """A key by its place in the tables, and its field of the model."""

    place: tuple[str, ...]
    field: FieldInfo


@cache
def settings() -> tuple[Setting, ...]:
    """Every key of the settings."""
    return tuple(_settings(Settings, ()))


def _settings(model: type[BaseModel], place: tuple[str, ...]) -> Iterator[Setting]:
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _settings(field.annotation, (*place, name))
        else:
            yield Setting((*place, name), field)


def variable(place: tuple[str, ...]) -> str:
    """The environment variable of a key."""
    return "EMBERLINE__" + "__".join(place).upper()


def draw(random: Random, given: Mapping[str, str]) -> tuple[dict[str, str], bytes | None]:
    """Settings as variables, which go over those given, and as a file.

    Args:
        random: What chooses.
        given: Variables that say where the engines are. A drawn key takes the place of its variable here; none is
            empty, since then an engine would be started.
    """
    environment, lines = dict(given), list[str]()
    for _ in range(random.choices((0, 1, 2, 3), (4, 5, 2, 1))[0]):
        place, field = random.choice(settings())
        name = variable(place)
        if random.random() < 0.7:
            environment[name] = _text(random, place[-1], field) or ("x" if name in given else "")
        else:
            environment.pop(name, None) if name not in given else None
            lines += [f"[{'.'.join(place[:-1])}]"] * (len(place) > 1) + [f"{place[-1]} = {_toml(random, place, field)}"]
    if random.random() < 0.1:
        odd, text = random.choice(_ODD_VARIABLES)
        environment[odd] = text
    if random.random() < 0.05:
        return environment, random.choice(_ODD_FILES)
    return environment, "\n".join(lines).encode("utf-8", "surrogateescape") if lines else None


def _toml(random: Random, place: tuple[str, ...], field: FieldInfo) -> str:
    if random.random() < 0.4:
        return random.choice(_ODD_TOML)
    return json.dumps(_text(random, place[-1], field), ensure_ascii=False)


def _text(random: Random, name: str, field: FieldInfo) -> str:
    kinds = [kind for kind in (field.annotation, *get_args(field.annotation)) if kind is not None]
    if random.random() < 0.1:
        return values.text(random, name)
    if get_origin(field.annotation) is Literal:
        return random.choice([*map(str, get_args(field.annotation)), "nonsense"])
    if bool in kinds and get_origin(field.annotation) is None:
        return random.choice(("true", "0", "maybe", ""))
    if {int, float} & set(kinds) and get_origin(field.annotation) is None:
        return values.number(random, _bounds(field))
    if any(get_origin(kind) in (dict, list, tuple) for kind in kinds):
        return values.structure(random)
    if Path in kinds:
        return values.path(random, name)
    if name.endswith(("url", "uri", "servers", "base")):
        return random.choice(values.URLS if random.random() < 0.7 else values.PATHS)
    return values.text(random, name)


def _bounds(field: FieldInfo) -> list[Any]:
    names = ("ge", "gt", "le", "lt")
    return [getattr(bound, name) for bound in field.metadata for name in names if hasattr(bound, name)]
