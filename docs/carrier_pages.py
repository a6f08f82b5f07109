"""The pages on carriers, as text made from the code: what each reads and cannot know, and the mapping language."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterable, Iterator
from types import UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec

from pipelines.carriers import CARRIERS, Carrier
from pipelines.carriers.base import MEMBERSHIPS
from pipelines.carriers.mapping import model, paths
from pipelines.carriers.mapping.mapped_carrier import MappedCarrier
from pipelines.carriers.mapping.split_carrier import SplitCarrier
from pipelines.carriers.pullers import pullers
from pipelines.carriers.pullers.base import Puller

_SEES = {
    "full": "everything that is said in the group",
    "mentions": "only messages that name the bot: never how alive a group is",
    "metadata": "that messages were sent, not what they are",
    "aggregate": "sums, no single event",
}
_SAMPLES = {
    "real": "Cases of its tests are from real payloads.",
    "official": "Cases of its tests follow samples that the platform publishes.",
    "constructed": "Cases of its tests are constructed after the platform's documents; no real payload was at hand.",
    "remembered": "Cases of its tests are constructed from what is remembered of the platform: try it on your payloads "
    "before you rely on it.",
}
_ORIGINS = {
    "documented": "Written after what the API's own documents or sources say; it was not tried on a real one.",
    "remembered": "Written from what is remembered of the API: try it on yours before you rely on it.",
}
_WORDS = {
    model.CarrierMapping: "A mapping",
    model.Case: "A case",
    model.Event: "An event",
    model.Numbering: "A sequence",
    model.Total: "A total",
    model.Test: "A test of a place",
    model.Chosen: "A value",
    model.Choice: "A choice",
    model.Instant: "A time",
    model.Text: "A text",
    model.Money: "An amount",
    model.Number: "A count",
    model.Items: "Items",
    model.Member: "Members",
}
_INTRO = """\
A mapping says in YAML what a carrier's payloads mean. It is read once and compiled. How to write one stands in [Add a
carrier](../how-to/add-a-carrier.md).

A **template** is a text with places in braces: `"message/{chat.id}/{id}"`. A place is a path into the payload. The
template is null as soon as one of its places is missing, null or empty. A text without braces stands for itself.

A **condition** (`when`) asks for all of its paths: `{type: message, room: {present: true}}`. A value is compared as
text: `1` and `"1"` are equal. A list means one of these."""


def carriers_page() -> Iterator[str]:
    """Every carrier: what it sees, which kinds of event it gives, what it cannot know."""
    found = list(CARRIERS.values())
    yield "# Carriers"
    yield (
        "What can be read live, by webhook or from an export, and what each source cannot say. `emberline carriers` "
        "prints the same, with those of installed packages."
    )
    rows = (
        (
            f"[`{one.name}`](#{one.name.replace('.', '')})",
            one.title,
            one.coverage,
            MEMBERSHIPS[one.membership],
            f"{len(one.kinds)}",
        )
        for one in found
    )
    yield _table(("Carrier", "Of", "Sees", "Of members", "Kinds of event"), rows)
    for carrier in found:
        yield f"## {carrier.name}"
        yield "\n".join(_facts(carrier))
    yield "## Pullers"
    yield (
        "APIs that are asked for what is new, as [Pull from an API](../how-to/pull-from-an-api.md) says. What a "
        "carrier cannot know holds as well for what its puller brings."
    )
    for puller in pullers().values():
        yield f"### Puller {puller.name}"
        yield "\n".join(_facts_of_puller(puller))


def _facts_of_puller(puller: Puller) -> Iterator[str]:
    carrier = f"[`{puller.carrier}`](#{puller.carrier.replace('.', '')})"
    pace = "waits at the API for what is new" if puller.is_held else f"asks every {puller.interval_s:g} s"
    yield f"{puller.title}, for the carrier {carrier}. It {pace}."
    yield ""
    yield f"- {_ORIGINS[puller.origin]}"
    for limit in puller.limits:
        yield f"- {limit}"


def _facts(carrier: Carrier) -> Iterator[str]:
    yield f"{carrier.title}. It sees {_SEES[carrier.coverage]}."
    yield ""
    yield f"- Kinds of event: {', '.join(f'`{kind}`' for kind in carrier.kinds) or 'none'}"
    if isinstance(carrier, MappedCarrier | SplitCarrier):
        reasons = dict.fromkeys(case.ignore for case in carrier.mapping.cases if case.ignore)
        if reasons:
            yield f"- Passed over: {', '.join(reasons)}"
        yield f"- Times: {carrier.mapping.time_quality}"
        yield f"- {_SAMPLES[carrier.mapping.samples]}"
    for limit in carrier.limits:
        yield f"- {limit}"


def mapping_page() -> Iterator[str]:
    """Every word of the mapping language."""
    yield "# The mapping language"
    yield _INTRO
    yield "## Paths"
    examples = re.findall(r"^    (\S+) {2,}(.+)$", inspect.getdoc(paths) or "", re.MULTILINE)
    yield _table(("Path", "Is"), ((f"`{path}`", meaning) for path, meaning in examples))
    for struct, title in _WORDS.items():
        about, meanings = _documented(struct)
        yield f"## {title}"
        yield about
        hints = get_type_hints(struct, dict(vars(model)))
        rows = (
            (f"`{field.encode_name}`", _form(hints[field.name]), _default(field), meanings.pop(field.encode_name, ""))
            for field in msgspec.structs.fields(struct)
        )
        listed = list(rows)
        if meanings or any(not row[-1] for row in listed):
            sys.exit(f"model.py: {struct.__name__} and its docstring differ: {meanings or listed}")
        yield _table(("Word", "Form", "Default", "Means"), listed)


def _documented(struct: type) -> tuple[str, dict[str, str]]:
    """The sentences above the attributes of a docstring, and what it says of each."""
    about, _, attributes = (inspect.getdoc(struct) or "").partition("\nAttributes:\n")
    joined = re.sub(r"\n {8,}", " ", attributes)
    return about.strip(), dict(re.findall(r"^ {4}(\w+): (.+)$", joined, re.MULTILINE))


def _form(hint: Any) -> str:
    if hint in _WORDS:
        return f"[{_WORDS[hint].lower()}](#{_WORDS[hint].lower().replace(' ', '-')})"
    if hint == model.When:
        return "condition"
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Literal:
        return ", ".join(f"`{one}`" for one in inner)
    if origin is list:
        return f"list of: {_form(inner[0])}"
    if origin is dict:
        return f"{_form(inner[0])} to {_form(inner[1])}"
    if origin is UnionType or inner:
        return " or ".join(dict.fromkeys(_form(one) for one in inner if one is not type(None)))
    return {str: "text", int: "integer", bool: "true or false"}[hint]


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "needed"
    return "" if field.default in (None, msgspec.NODEFAULT) else f"`{str(field.default).lower()}`"


def _table(headings: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    titles = list(headings)
    lines = [titles, ["---"] * len(titles), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
