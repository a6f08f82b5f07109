"""Command lines at random, of the commands and options that the Typer app has."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import typer.main

from emberline.cli.commands import app
from tests.fuzz import values

_UNKNOWN = ("--nonsense", "--jso", "-x", "--json=maybe", "--help", "--version", "--", "extra", "")


class Command(NamedTuple):
    """A command by its words, and what it takes."""

    words: tuple[str, ...]
    parameters: list[Any]


@cache
def commands() -> tuple[Command, ...]:
    """Every command of the app, those of groups, too."""
    return tuple(_commands(typer.main.get_command(app), ()))


def _commands(command: Any, words: tuple[str, ...]) -> Iterator[Command]:
    below = getattr(command, "commands", None)
    if below is None:
        yield Command(words, command.params)
    for name, sub in (below or {}).items():
        yield from _commands(sub, (*words, name))


def of_all() -> list[Any]:
    """The options that stand before every command."""
    return typer.main.get_command(app).params


def draw(random: Random, command: Command) -> list[str]:
    """A command line for a command, most often one with what is required and no more than there is."""
    before = [parameter for parameter in of_all() if random.random() < (0.01 if parameter.is_flag else 0.1)]
    line = [word for parameter in before for word in _option(random, parameter)]
    if random.random() < 0.03:
        return [*line, *random.sample([*_UNKNOWN, *command.words], 2)]
    line += command.words
    pieces = [piece for parameter in command.parameters if (piece := _piece(random, parameter))]
    if random.random() < 0.15:
        pieces.append([random.choice(_UNKNOWN)])
    if pieces and random.random() < 0.1:
        pieces.append(random.choice(pieces))
    if random.random() < 0.3:
        random.shuffle(pieces)
    return [*line, *(word for piece in pieces for word in piece)]


def _piece(random: Random, parameter: Any) -> list[str]:
    if random.random() > (0.95 if parameter.required else 0.5):
        return []
    if parameter.param_type_name == "option":
        return _option(random, parameter)
    times = random.randint(1, 4) if parameter.nargs == -1 else 1
    return [_value(random, parameter) for _ in range(times)]


def _option(random: Random, parameter: Any) -> list[str]:
    name = random.choice([*parameter.opts, *parameter.secondary_opts])
    if parameter.is_flag:
        return [name]
    value = _value(random, parameter)
    return [f"{name}={value}"] if random.random() < 0.5 else [name, value]


def _value(random: Random, parameter: Any) -> str:
    kind = parameter.type_descriptor.annotation
    if kind in (int, float):
        bounds = [bound for bound in (parameter.min, parameter.max) if bound is not None]
        likely = values.LIKELY.get(parameter.name)
        return random.choice(likely) if likely and random.random() < 0.5 else values.number(random, bounds)
    is_path = kind in (Path, list[Path])
    return values.path(random, parameter.name) if is_path else values.text(random, parameter.name)
