"""A case: a command line, settings and a world, drawn from a seed and a number."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

from tests.fuzz import arguments, configuration, world

_UP_SHARE: Final = {"run": 0.1, "ingest": 0.1, "import": 0.1, "up": 0.0, "demo": 0.0}
"""How often the engines are up for a command that takes long then, or would start more; for others half of the time."""
_NO_SUCH_OPTION: Final = "--nonsense"
_LAKES: Final[dict[world.LakeCondition, int]] = {
    "none": 3, "there": 6, "read-only": 1, "damaged": 2, "a file": 1, "nonsense": 1,
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """What is run: `encoding` is that of the output, `file` the content of `emberline.toml`."""

    number: int
    command: tuple[str, ...]
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    file: bytes | None
    lake: world.LakeCondition
    is_up: bool
    encoding: str

    def shown(self) -> str:
        """Print it as it can be pasted into a shell, within a folder that `world.make` filled."""
        variables = [f"{name}={text}" for name, text in self.environment.items()]
        lines = [shlex.join(["env", *variables, "emberline", *self.arguments])]
        if self.file is not None:
            lines.insert(0, f"printf %b {shlex.quote(repr(self.file)[2:-1][:2_000])} > emberline.toml")
        lines.append(f"# lake: {self.lake}, engines: {'up' if self.is_up else 'down'}, output: {self.encoding}")
        return "\n".join(lines)


def draw(seed: int, number: int, published: Mapping[str, str] | None) -> Case:
    """The case of a seed and a number.

    Args:
        seed: Of all cases.
        number: Of the case.
        published: Variables of engines that are up; None: there are none, and no lake either.
    """
    random = Random(f"{seed}/{number}")
    command = random.choice(arguments.commands())
    name = command.words[0]
    is_up = random.random() < _UP_SHARE.get(name, 0.5)
    line = arguments.draw(random, command)
    if name == "demo":  # a right one would start engines of its own
        line.append(_NO_SUCH_OPTION)
    lake = random.choices(list[world.LakeCondition](_LAKES), [*_LAKES.values()])[0]
    known = published if is_up and published is not None else world.DOWN
    environment, file = configuration.draw(random, {"EMBERLINE__STATE": world.STATE, **known})
    if random.random() < 0.2:
        environment["FORCE_COLOR"] = "1"
    encoding = "ascii" if random.random() < 0.1 else "utf-8"
    has_engines = is_up and published is not None
    return Case(number, command.words, tuple(line), environment, file, lake, has_engines, encoding)


def prepare(case: Case, folder: Path, published: Path | None, seed: int) -> None:
    """Make the folder that the case runs in."""
    world.make(folder, published, case.lake, Random(f"{seed}/{case.number}/world"))
    if case.file is not None:
        (folder / "emberline.toml").write_bytes(case.file)
