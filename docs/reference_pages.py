"""The pages of `docs/reference`, as text made from the code.

A fact has one place. What the code knows (names, types, defaults, checks) is read from it here; what a field means and
the code cannot say stands in `reference_words`. A field without words is an error, so none goes undocumented.
"""

from __future__ import annotations

import ast
import datetime as dt
import importlib
import inspect
import json
import pkgutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, pairwise
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, get_args, get_origin

import msgspec
import reference_words as words
import sqlalchemy as sa
import typer
import yaml
from carrier_pages import carriers_page, mapping_page
from metric_pages import metrics_page
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from sqlalchemy.dialects import postgresql

from emberline import settings
from emberline.cli.commands import app
from emberline.cli.errors import ExitCode
from pipelines.carriers import CARRIERS
from pipelines.carriers.pullers import pullers
from pipelines.carriers.pullers.base import Puller
from pipelines.carriers.wires import wires
from pipelines.carriers.wires.base import Wire
from schemas import kinds, lake, operations, views, warehouse
from schemas.columns import meaning_of
from schemas.contract import contract, dbt_sources
from schemas.expectations import SUITES
from schemas.mart import sources_of

_TYPE_NAMES = {
    str: "text",
    int: "integer",
    float: "number",
    bool: "true or false",
    Path: "path",
    dt.datetime: "day",
    SecretStr: "secret text",
}
_NOTE = "<!-- Written by docs/build_reference.py: change the code or docs/reference_words.py, then `make docs`. -->"


def pages() -> dict[str, str]:
    """The text of every page, by file name."""
    parts = {
        "settings.md": settings_page(),
        "cli.md": cli_page(),
        "exit-codes.md": exit_codes_page(),
        "events.md": events_page(),
        "lake.md": lake_page(),
        "warehouse.md": warehouse_page(),
        "metrics.md": metrics_page(table),
        "checks.md": checks_page(),
        "carriers.md": carriers_page(),
        "mapping.md": mapping_page(),
    }
    written = {name: f"{_NOTE}\n\n" + "\n\n".join(blocks) + "\n" for name, blocks in parts.items()}
    return {**written, "contract.odcs.yaml": _yaml(contract()), "dbt_sources.yml": _yaml(dbt_sources())}


def _yaml(document: dict[str, Any]) -> str:
    text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)
    return f"# Written by docs/build_reference.py from schemas/contract.py: `make docs`.\n{text}"


def settings_page() -> Iterator[str]:
    """Every key of the settings with its variable, type and default."""
    yield "# Settings"
    yield words.SETTINGS
    found = pkgutil.iter_modules(settings.__path__, f"{settings.__name__}.")
    modules = [importlib.import_module(module.name) for module in found]
    docs = {name: of for module in modules for name, of in attribute_docs(module).items() if name}
    sections = [(name, field) for name, field in settings.Settings.model_fields.items() if _is_section(field)]
    loose = [(name, field) for name, field in settings.Settings.model_fields.items() if not _is_section(field)]
    yield "## Top level"
    yield table(("Key", "Type", "Default", "Meaning"), (_setting(n, f, docs["Settings"], "state") for n, f in loose))
    for section, field in sections:
        model: type[BaseModel] = field.annotation  # type: ignore[assignment]
        yield f"## [{section}]"
        yield inspect.getdoc(model) or ""
        rows = (_setting(n, f, docs.get(model.__name__, {}), section) for n, f in model.model_fields.items())
        yield table(("Key", "Type", "Default", "Meaning"), rows)
        if section == "alerts":
            yield "### [[alerts.metrics]]"
            yield from _named_tables(settings.MetricAlertSettings, docs, "alerts.metrics")
        if section == "receive":
            yield "### [receive.routes.NAME]"
            yield from _named_tables(settings.RouteSettings, docs, "receive.routes")
            yield from _wires()
    yield "## [pull.NAME]"
    yield from _named_tables(settings.PullSettings, docs, "pull")
    yield "### Pullers"
    yield words.PULLERS
    yield table(
        ("Puller", "Address", "Secrets", "Options"),
        (
            (_code(name), one.url or "its own", *(_parts_of(one, is_secret=secret) for secret in (True, False)))
            for name, one in sorted(pullers().items())
        ),
    )


def _named_tables(model: type[BaseModel], docs: dict[str, dict[str, str]], table_name: str) -> Iterator[str]:
    yield inspect.getdoc(model) or ""
    rows = (_setting(name, field, docs[model.__name__], table_name) for name, field in model.model_fields.items())
    yield table(("Key", "Type", "Default", "Meaning"), rows)


def _wires() -> Iterator[str]:
    yield "### Wires"
    yield words.WIRES
    yield table(
        ("Wire", "Secrets", "Options"),
        (
            (_code(name), _parts_of(wire, is_secret=True), _parts_of(wire, is_secret=False))
            for name, wire in sorted(wires().items())
        ),
    )


def _parts_of(taker: Wire | Puller, *, is_secret: bool) -> str:
    parts = [part for part in taker.parts if part.is_secret is is_secret]
    return "; ".join(
        f"{_code(part.name)}: {part.meaning}" + ("" if part.is_required else " (optional)") for part in parts
    )


def cli_page() -> Iterator[str]:
    """Every command with its arguments and options."""
    yield "# Command line"
    yield words.CLI
    root: Any = typer.main.get_command(app)
    yield "## emberline"
    yield root.help
    yield table(("Option", "Type", "Meaning"), _parameters(root))
    for name, command in _commands(root):
        yield f"## emberline {name}"
        yield command.help
        if rows := list(_parameters(command)):
            yield table(("Option", "Type", "Meaning"), rows)


def _commands(group: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every command below a group by its full name, groups themselves left out."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{prefix}{name} ")
        else:
            yield f"{prefix}{name}", command


def exit_codes_page() -> Iterator[str]:
    """What each exit code means and what to do."""
    yield "# Exit codes"
    yield words.EXIT_CODES_INTRO
    rows = ((str(code.value), *words.EXIT_CODES[code.name]) for code in ExitCode)
    yield table(("Code", "Meaning", "What to do"), rows)


def events_page() -> Iterator[str]:
    """Kinds of event, what each needs, and the fields of envelope and payload."""
    _, components = msgspec.json.schema_components([kinds.Envelope, kinds.Data])
    yield "# Events"
    yield words.EVENTS
    samples = [json.dumps(sample, indent=2) for sample in words.SAMPLE_EVENTS]
    rejected = CARRIERS["cloudevents"].decode([sample.encode() for sample in samples]).rejected
    if rejected.height:
        sys.exit(f"reference_words.py: a sample is no event: {rejected.to_dicts()}")
    yield "\n\n".join(f"```json\n{sample}\n```" for sample in samples)
    yield "## Kinds"
    needed = {kind: [words.PAYLOAD_NAMES.get(name, name) for name in names] for kind, names in kinds.REQUIRED.items()}
    yield table(("Kind", "Means", "Needs"), ((_code(k), words.KINDS[k], ", ".join(needed[k])) for k in needed))
    yield "## Envelope"
    yield _fields_table(components["Envelope"], words.ENVELOPE)
    yield "## Payload (`data`)"
    yield words.PAYLOAD
    yield _fields_table(components["Data"], words.PAYLOAD_FIELDS)
    yield "## Quarantine"
    yield words.QUARANTINE
    yield table(("Reason", "Means"), ((_code(reason), text) for reason, text in words.QUARANTINE_REASONS.items()))


def lake_page() -> Iterator[str]:
    """Every lake table with its key, its layout and its columns."""
    yield "# Lake tables"
    yield words.LAKE
    for name, lake_table in lake.TABLES.items():
        yield f"## {name}"
        yield lake_table.description
        layout = [f"Key: {_codes(lake_table.key)}."]
        if lake_table.partition_by:
            layout.append(f"Partitioned by {_codes(lake_table.partition_by)}.")
        if lake_table.sort_by:
            layout.append(f"Files sorted by {_codes(lake_table.sort_by)}.")
        yield " ".join(layout)
        if lake_table.is_fact:
            yield " ".join(_dependencies(lake_table))
        if readers := list(_readers(lake_table)):
            yield f"Read by {_codes(readers)}."
        yield table(("Column", "Type", "Meaning", "Unit", "Adds up", "From"), _lake_columns(lake_table))


def _dependencies(fact: lake.LakeTable) -> Iterator[str]:
    """What a fact is made of and depends on, in sentences."""
    code = f"computed by `pipelines.{words.COMPUTED_BY[fact.name]}`, code version {fact.code_version}"
    yield f"Made of {_codes(table.name for table in fact.inputs)}; {code}."
    if fact.settings:
        yield f"Computed again when one of these settings changes: {_codes(fact.settings)}."
    if fact.by_definition:
        yield "Follows the definition of each funnel."


def _readers(read: lake.LakeTable) -> Iterator[str]:
    """The tables that are computed from a lake table, in the lake and then in `mart`."""
    for reader in lake.TABLES.values():
        if read in reader.reads:
            yield reader.name
    for published in warehouse.DATA_TABLES:
        if read in sources_of(published):
            yield published.fullname


def _lake_columns(lake_table: lake.LakeTable) -> Iterator[tuple[str, ...]]:
    for name in lake_table.columns:
        meaning = lake_table.meaning(name)
        sources = (f"{source.table.name}.{source.column}" for source in lake_table.made_of.get(name, ()))
        yield (
            _code(name),
            _code(lake_table.type_name(name)),
            meaning.text,
            meaning.unit or "",
            meaning.summing,
            _codes(sources),
        )


def warehouse_page() -> Iterator[str]:
    """Every table of the schemas `mart` and `ops`."""
    yield "# Warehouse tables"
    yield words.WAREHOUSE
    of_operations = (operations.alert, operations.alert_action, operations.alert_notice)
    for stored in (*warehouse.DATA_TABLES, warehouse.publication, warehouse.restatement, views.alert, *of_operations):
        yield f"## {stored.fullname}"
        yield stored.comment or ""
        if stored.schema == warehouse.MART and stored.name in words.COMPUTED_BY:
            made = f"Computed by `pipelines.{words.COMPUTED_BY[stored.name]}` as the lake table"
            yield f"{made} [{stored.name}](lake.md#{stored.name})."
        elif stored.fullname in words.WRITTEN_BY:
            yield f"Computed by `pipelines.{words.WRITTEN_BY[stored.fullname]}`."
        elif stored is views.alert:
            yield "A view of [ops.alert](#opsalert)."
        headings = ("Column", "Type", "Null", "Key", "Meaning", "Unit", "Adds up")
        yield table(headings, map(_warehouse_column, stored.columns))


def checks_page() -> Iterator[str]:
    """What must hold of a version before it is published."""
    yield "# Checks before a publication"
    yield words.CHECKS
    for suite in SUITES.values():
        yield f"## {suite.table}"
        yield table(("Holds", "Severity"), ((e.name, e.severity) for e in suite.expectations))


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    escaped = ([cell.replace("|", "\\|") for cell in row] for row in rows)
    lines = chain([headings, ["---"] * len(headings)], escaped)
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def attribute_docs(module: ModuleType) -> dict[str, dict[str, str]]:
    """The strings below assignments: class name (empty: the module itself) -> attribute -> text."""
    tree = ast.parse(inspect.getsource(module))
    bodies = {"": tree.body, **{node.name: node.body for node in tree.body if isinstance(node, ast.ClassDef)}}
    return {owner: dict(_documented(body)) for owner, body in bodies.items()}


def _documented(body: list[ast.stmt]) -> Iterator[tuple[str, str]]:
    for statement, after in pairwise(body):
        match statement, after:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                yield name, inspect.cleandoc(text)


def _is_section(field: FieldInfo) -> bool:
    return inspect.isclass(field.annotation) and issubclass(field.annotation, BaseModel)


def _setting(name: str, field: FieldInfo, docs: dict[str, str], section: str) -> tuple[str, str, str, str]:
    values = dict[str, Any](carriers={})
    default = None if field.is_required() else field.get_default(call_default_factory=True, validated_data=values)
    said = words.DEFAULTS.get(f"{section}.{name}")
    shown = "" if default is None else json.dumps(default, default=str)
    meaning = _flat(docs[name]) if name in docs else words.SETTINGS_MEANINGS[f"{section}.{name}"]
    absent = "required" if field.is_required() else "none"
    return _code(name), _type_name(field), said or (_code(shown) if shown else absent), meaning


def _type_name(field: FieldInfo) -> str:
    limits = {"ge": "at least", "gt": "above", "le": "at most", "min_length": "length at least"}
    found = (f"{limits[key]} {getattr(m, key)}" for m in field.metadata for key in limits if hasattr(m, key))
    return ", ".join((_plain_name(field.annotation), *found))


def _plain_name(annotation: Any) -> str:
    """The name of the first known type in an annotation such as `Annotated[str, ...] | None`."""
    if get_origin(annotation) is dict:
        return "table"
    if get_origin(annotation) is list:
        return f"list of {_plain_name(get_args(annotation)[0])}"
    if get_origin(annotation) is Literal:
        return f"one of {_codes(get_args(annotation))}"
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        return "table"
    if annotation in _TYPE_NAMES:
        return _TYPE_NAMES[annotation]
    return _plain_name(get_args(annotation)[0])


def _parameters(command: Any) -> Iterator[tuple[str, str, str]]:
    for parameter in command.params:
        if parameter.name in {"help", "install_completion", "show_completion"}:
            continue
        name = parameter.opts[-1] if parameter.param_type_name == "option" else parameter.name.upper()
        annotation = parameter.type_descriptor.annotation
        kind = "flag" if annotation is bool else _plain_name(annotation)
        default = parameter.default
        notes = "required" if parameter.required else f"default: {default}" if default not in (None, False) else ""
        meaning = " ".join((parameter.help or "").split())
        yield _code(name), kind, f"{meaning} [{notes}]" if notes else meaning


def _fields_table(component: dict[str, Any], meanings: dict[str, str]) -> str:
    rows = ((_code(n), _json_type(s), meanings[n]) for n, s in component["properties"].items())
    return table(("Field", "Form", "Means"), rows)


def _json_type(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(_json_type(part) for part in schema["anyOf"] if part != {"type": "null"})
    if "$ref" in schema:
        return "object"
    if "enum" in schema:
        return "one of " + ", ".join(_code(str(value)) for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of: {_json_type(schema['items'])}"
    form: str = schema.get("format") or schema["type"]
    name = {"string": "text", "date-time": "RFC 3339 time with zone"}.get(form, form)
    shown = {"minLength": "length at least {}", "maxLength": "length at most {}", "pattern": "matches `{}`"}
    shown |= {"minimum": "at least {}", "maximum": "at most {}"}
    return ", ".join((name, *(text.format(schema[key]) for key, text in shown.items() if key in schema)))


def _warehouse_column(column: sa.Column[Any]) -> tuple[str, ...]:
    meaning = meaning_of(column)
    kind = column.type.compile(dialect=postgresql.dialect()).lower()
    return (
        _code(column.name),
        kind,
        "yes" if column.nullable else "",
        "yes" if column.primary_key else "",
        meaning.text,
        meaning.unit or "",
        meaning.summing,
    )


def _flat(text: str) -> str:
    return " ".join(text.split())


def _code(text: str) -> str:
    return f"`{text}`"


def _codes(names: Iterable[str]) -> str:
    return ", ".join(map(_code, names))
