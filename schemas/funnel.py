"""What a funnel is: ordered steps, a conversion window, how to match and how to count (docs/definitions.md#funnel).

A definition is data. The project's own is the packaged `funnels/standard.yaml`; a user's is a file of the same form:

    name: standard
    description: optional, one line
    mode: sequential
    strict_increase: true  # optional, as are hold, exclude and its between
    count: persons
    window: 60d            # <integer> and m, h or d, measured from the first step
    hold: [group_id]
    exclude:
      - when: type = 'member.left'
        between: [joined, paid]
    steps:
      - name: joined
        when: joined       # an SQL predicate over the columns of the timeline
    breakdowns:            # optional: what the summary is published by
      - by: group_id
        touch: first_step
        limit: 10          # optional

Whether a predicate fits the timeline is checked by `pipelines.funnel.predicates`.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import astuple, dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Final

import yaml

from schemas.errors import EmberlineError

MODES: Final = ("sequential", "strict_order", "consecutive", "any_order")
"""How the events of a chain may follow each other. `sequential`: in order, anything may lie between. `strict_order`:
no event of another step between those of two steps. `consecutive`: no other event at all between. `any_order`: after
the first step the others in any order."""
COUNTS: Final = ("persons", "entries")
"""What is counted. `persons`: each once, by the best chain. `entries`: again after a conversion or the window."""
PURPOSE: Final = "purpose"
"""The one property that is not a column of the event: the purpose of its group."""
PROPERTIES: Final = ("group_id", PURPOSE, "carrier", "product_id", "currency", "source", "type", "message_kind", "role")
"""Properties that entries can be broken down by: the purpose, and columns of events with few values and no person."""
TOUCHES: Final = ("first_step", "last_step", "first_touch", "last_touch", "all_steps")
"""The event whose value of a property an entry gets; see `pipelines.funnel.breakdown`."""
SEGMENTS: Final = 25
"""Default number of values of a breakdown that get a segment of their own; the rest is `other`."""
MAX_SEGMENTS: Final = 1000
MIN_STEPS: Final = 2
MAX_STEPS: Final = 62
"""The steps that an event satisfies are bits of one integer, which limits their number."""
MAX_WINDOW: Final = dt.timedelta(days=36_500)

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")
_DURATION: Final = re.compile(r"([0-9]{1,9})([mhd])")
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days"}
_STRING: Final = "tag:yaml.org,2002:str"


class FunnelDefinitionError(EmberlineError):
    """A funnel definition is not valid.

    Attributes:
        where: The file or other origin of the definition.
        line: The line concerned, from 1; None if only the parsed definition is known.
        found: What the definition has there.
        allowed: What it may have there.
    """

    def __init__(self, where: str, line: int | None, found: str, allowed: str) -> None:
        """Build the message from the place, what was found and what is allowed."""
        self.where, self.line, self.found, self.allowed = where, line, found, allowed
        place = where if line is None else f"{where}, line {line}"
        super().__init__(f"found {found}", f"allowed: {allowed}", place)


@dataclass(frozen=True, slots=True)
class Step:
    """One step: its name, and at `line` the SQL predicate over the timeline that an event must satisfy."""

    name: str
    when: str
    line: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Exclusion:
    """An event that ends a chain that has matched the first step of `between` but not yet the second.

    Without `between`, it ends every incomplete chain.
    """

    when: str
    between: tuple[str, str] | None = None
    line: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Breakdown:
    """A summary by the values of property `by` at the `touch`, with at most `limit` segments."""

    by: str
    touch: str
    limit: int = SEGMENTS


@dataclass(frozen=True, slots=True)
class FunnelDefinition:
    """A funnel: `steps` in order, reached within `window` of the first, matched by `mode`, counted by `count`.

    Attributes:
        strict_increase: The times of a chain must increase; events of equal time are not ordered by the ordering key.
        hold: Columns of the timeline that must be equal, and not null, in all events of a chain.
        exclude: Events that end a chain.
        breakdowns: Breakdowns that the summary is published by.
        where: The file.
        line: Line of the name in the file; `hold_line` is that of `hold`.
    """

    name: str
    description: str
    mode: str
    count: str
    window: dt.timedelta
    steps: tuple[Step, ...]
    strict_increase: bool = False
    hold: tuple[str, ...] = ()
    exclude: tuple[Exclusion, ...] = ()
    breakdowns: tuple[Breakdown, ...] = ()
    where: str | None = field(default=None, compare=False)
    line: int | None = field(default=None, compare=False)
    hold_line: int | None = field(default=None, compare=False)

    def gaps(self) -> list[int]:
        """For each exclusion, the steps after which it ends a chain, as bits: bit k is step k, from 0."""
        names = [step.name for step in self.steps]
        between = [exclusion.between or (names[0], names[-1]) for exclusion in self.exclude]
        return [(1 << names.index(last)) - (1 << names.index(first)) for first, last in between]


def parse(text: str, where: str) -> FunnelDefinition:
    """Read a definition from YAML; `where` names its origin in errors.

    Raises:
        FunnelDefinitionError: The text is not YAML or not a valid definition; the error names the line, what
            was found and what is allowed.
    """
    return _Reader(where).definition(text)


@cache
def standard() -> FunnelDefinition:
    """Return the project's own funnel, from joining a group to buying again."""
    resource = files("schemas") / "funnels" / "standard.yaml"
    return parse(resource.read_text(encoding="utf-8"), "schemas/funnels/standard.yaml")


def fingerprint(definition: FunnelDefinition) -> int:
    """Return a 63-bit hash of all that decides on the entries, so without description and breakdowns.

    It is the same in every process, so that stored results can name their definition.
    """
    meaning = [
        definition.name,
        definition.mode,
        definition.count,
        definition.window // dt.timedelta(microseconds=1),
        [[step.name, step.when] for step in definition.steps],
        definition.strict_increase,
        definition.hold,
        [[exclusion.when, exclusion.between] for exclusion in definition.exclude],
    ]
    return _number(meaning)


def fingerprint_of_all(definitions: Iterable[FunnelDefinition]) -> int:
    """Return a hash like `fingerprint` of all funnels and their breakdowns."""
    return _number([[fingerprint(one), [astuple(shown) for shown in one.breakdowns]] for one in definitions])


def _number(meaning: list[Any]) -> int:
    digest = hashlib.blake2b(json.dumps(meaning).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


class _Reader:
    """Reads YAML nodes in place of values, because only nodes know their line."""

    def __init__(self, where: str) -> None:
        self._where = where

    def definition(self, text: str) -> FunnelDefinition:
        try:
            root = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = mark.line + 1 if mark else 1
            raise self._error(line, error.problem or "broken YAML", "well-formed YAML") from error
        except yaml.YAMLError as error:
            raise self._error(1, str(error), "well-formed YAML") from error
        if root is None:
            raise self._error(1, "nothing", "a mapping with name, window and steps")
        optional = ("description", "strict_increase", "hold", "exclude", "breakdowns")
        fields = self._mapping(root, required=("name", "mode", "count", "window", "steps"), optional=optional)
        description, strict_increase = fields.get("description"), fields.get("strict_increase")
        mode = self._choice(fields["mode"], MODES)
        is_strict = strict_increase is not None and self._truth(strict_increase)
        if strict_increase is not None and is_strict and mode == "any_order":
            raise self._error(_line(strict_increase), "times that increase in any order", "one of the ordered modes")
        steps = self._steps(fields["steps"])
        return FunnelDefinition(
            name=self._name(fields["name"]),
            description="" if description is None else self._text(description),
            mode=mode,
            count=self._choice(fields["count"], COUNTS),
            window=self._duration(fields["window"]),
            steps=steps,
            strict_increase=is_strict,
            hold=self._columns(fields.get("hold")),
            exclude=self._exclusions(fields.get("exclude"), mode, [step.name for step in steps]),
            breakdowns=self._breakdowns(fields.get("breakdowns")),
            where=self._where,
            line=_line(fields["name"]),
            hold_line=_line(fields["hold"]) if "hold" in fields else None,
        )

    def _breakdowns(self, node: yaml.Node | None) -> tuple[Breakdown, ...]:
        breakdowns: dict[tuple[str, str], Breakdown] = {}
        for item in [] if node is None else self._list(node, "a list of breakdowns"):
            fields = self._mapping(item, required=("by", "touch"), optional=("limit",))
            by, touch = self._choice(fields["by"], PROPERTIES), self._choice(fields["touch"], TOUCHES)
            if (by, touch) in breakdowns:
                raise self._error(_line(item), f"a second breakdown by {by}, {touch}", "breakdowns that differ")
            limit = self._limit(fields["limit"]) if "limit" in fields else SEGMENTS
            breakdowns[by, touch] = Breakdown(by, touch, limit)
        return tuple(breakdowns.values())

    def _limit(self, node: yaml.Node) -> int:
        is_number = isinstance(node, yaml.ScalarNode) and re.fullmatch(r"[0-9]{1,4}", node.value)
        if not is_number or not 1 <= int(node.value) <= MAX_SEGMENTS:
            raise self._error(_line(node), _shown(node), f"an integer from 1 to {MAX_SEGMENTS}")
        return int(node.value)

    def _columns(self, node: yaml.Node | None) -> tuple[str, ...]:
        items = [] if node is None else self._list(node, "a list of columns of the timeline")
        names: list[str] = []
        for item in items:
            name = self._name(item)
            if name in names:
                raise self._error(_line(item), f"'{name}' again", "each column once")
            names.append(name)
        return tuple(names)

    def _exclusions(self, node: yaml.Node | None, mode: str, names: list[str]) -> tuple[Exclusion, ...]:
        exclusions: list[Exclusion] = []
        for item in [] if node is None else self._list(node, "a list of mappings with when and between"):
            fields = self._mapping(item, required=("when",), optional=("between",))
            between = fields.get("between")
            if between is not None and mode == "any_order":
                raise self._error(_line(between), "between in any order", "exclusions between all steps")
            steps = None if between is None else self._between(between, names)
            exclusions.append(Exclusion(self._text(fields["when"]), steps, _line(fields["when"])))
        return tuple(exclusions)

    def _between(self, node: yaml.Node, names: list[str]) -> tuple[str, str]:
        ends = self._list(node, "a list of two steps")
        if len(ends) != 2:
            raise self._error(_line(node), f"{len(ends)} steps", "a list of two steps")
        first, last = (self._choice(end, tuple(names)) for end in ends)
        if names.index(first) >= names.index(last):
            raise self._error(_line(node), f"'{first}', '{last}'", "a step and a later one")
        return first, last

    def _list(self, node: yaml.Node, allowed: str) -> list[yaml.Node]:
        if not isinstance(node, yaml.SequenceNode):
            raise self._error(_line(node), _shown(node), allowed)
        return node.value

    def _truth(self, node: yaml.Node) -> bool:
        return self._choice(node, ("true", "false")) == "true"

    def _steps(self, node: yaml.Node) -> tuple[Step, ...]:
        allowed = f"a list of {MIN_STEPS} to {MAX_STEPS} steps"
        items = self._list(node, allowed)
        if not MIN_STEPS <= len(items) <= MAX_STEPS:
            raise self._error(_line(node), f"{len(items)} steps", allowed)
        steps: dict[str, Step] = {}
        for item in items:
            fields = self._mapping(item, required=("name", "when"))
            name = self._name(fields["name"])
            if name in steps:
                raise self._error(_line(item), f"a second step '{name}'", "step names that differ")
            steps[name] = Step(name, self._text(fields["when"]), _line(fields["when"]))
        return tuple(steps.values())

    def _mapping(
        self, node: yaml.Node, *, required: tuple[str, ...], optional: tuple[str, ...] = ()
    ) -> dict[str, yaml.Node]:
        keys = (*required, *optional)
        allowed = f"a mapping with the keys {', '.join(keys)}"
        if not isinstance(node, yaml.MappingNode):
            raise self._error(_line(node), _shown(node), allowed)
        fields: dict[str, yaml.Node] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.value not in keys:
                raise self._error(_line(key), f"the key {_shown(key)}", ", ".join(keys))
            if key.value in fields:
                raise self._error(_line(key), f"the key '{key.value}' again", "each key once")
            fields[key.value] = value
        missing = [key for key in required if key not in fields]
        if missing:
            raise self._error(_line(node), f"no key '{missing[0]}'", allowed)
        return fields

    def _text(self, node: yaml.Node) -> str:
        is_text = isinstance(node, yaml.ScalarNode) and node.tag == _STRING
        if not is_text or not node.value.strip():
            raise self._error(_line(node), _shown(node), "text (quote it if it reads as another type)")
        return node.value.strip()

    def _name(self, node: yaml.Node) -> str:
        name = self._text(node)
        if not _NAME.fullmatch(name):
            allowed = "a name of a-z, 0-9 and _, at most 63 characters, a letter first"
            raise self._error(_line(node), _shown(node), allowed)
        return name

    def _choice(self, node: yaml.Node, choices: tuple[str, ...]) -> str:
        if not isinstance(node, yaml.ScalarNode) or node.value not in choices:
            raise self._error(_line(node), _shown(node), ", ".join(choices))
        return node.value

    def _duration(self, node: yaml.Node) -> dt.timedelta:
        allowed = f"an integer above 0 and m, h or d, such as 60d, at most {MAX_WINDOW.days}d"
        found = _DURATION.fullmatch(node.value) if isinstance(node, yaml.ScalarNode) else None
        if found is None:
            raise self._error(_line(node), _shown(node), allowed)
        window = dt.timedelta(**{_UNITS[found[2]]: int(found[1])})
        if not dt.timedelta(0) < window <= MAX_WINDOW:
            raise self._error(_line(node), _shown(node), allowed)
        return window

    def _error(self, line: int, found: str, allowed: str) -> FunnelDefinitionError:
        return FunnelDefinitionError(self._where, line, found, allowed)


def _line(node: yaml.Node) -> int:
    return node.start_mark.line + 1


def _shown(node: yaml.Node) -> str:
    if isinstance(node, yaml.ScalarNode):
        return f"'{node.value}'"
    return "a mapping" if isinstance(node, yaml.MappingNode) else "a list"
