"""Where a case runs: its folder with files of every kind, a lake in some condition, engines up or down."""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
import zipfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from random import Random
from typing import Final, Literal

from tests.fuzz.configuration import variable
from tests.fuzz.values import SECRET

LakeCondition = Literal["none", "there", "read-only", "damaged", "a file", "nonsense"]

BROKERS: Final = variable(("kafka", "bootstrap_servers"))
OPTIONS: Final = variable(("kafka", "options"))
WAREHOUSE: Final = variable(("warehouse", "url"))
DOWN: Final = {
    BROKERS: "127.0.0.1:1",
    OPTIONS: '{"bootstrap_timeout_ms": 300}',
    WAREHOUSE: f"postgresql+psycopg://user:{SECRET}@127.0.0.1:1/emberline",
}
"""Variables of engines that nobody answers for."""

STATE: Final = "own"
_SAMPLES: Final = Path(__file__).parents[2] / "docs" / "samples"
_EXPORTS: Final = {
    "telegram.json": _SAMPLES / "exports" / "telegram.json",
    "qq.txt": _SAMPLES / "exports" / "qq.txt",
    "chatlab.jsonl": min((_SAMPLES / "exports" / "chatlab").iterdir()),
}
"""Linked: no command writes into what it reads."""
_HEAD: Final = 20_000
_SWOLLEN_BYTES: Final = 32_000_000
"""Of white space, which a ZIP keeps in a thousandth of it."""
_EVENT: Final = {
    "specversion": "1.0", "id": "1", "source": "/x", "type": "message.sent", "time": "2026-01-01T00:00:00Z", "data": {},
}  # fmt: skip


def make(folder: Path, published: Path | None, lake: LakeCondition, random: Random) -> None:
    """Fill the folder of a case; the state folder in it is `own`.

    Args:
        folder: A new folder.
        published: State folder of a published company; None: there is none, and so no lake.
        lake: The condition of the lake.
        random: Chooses what is damaged.
    """
    folder.mkdir()
    _files(folder)
    state = folder / STATE
    if published is not None and lake in ("there", "read-only", "damaged"):
        # Links to the same files: nothing of a lake is written in place.
        shutil.copytree(published, state, copy_function=os.link, symlinks=True)
        if lake == "damaged":
            _damage(state / "lake", random)
        if lake == "read-only":
            for place, _, _ in os.walk(state):
                Path(place).chmod(0o555)
    elif lake in ("a file", "nonsense"):
        state.mkdir()
        (state / ".emberline-state").touch()
        _nonsense(state / "lake", is_file=lake == "a file")


def _files(folder: Path) -> None:
    line = json.dumps(_EVENT)
    (folder / "one.jsonl").write_text(f"{line}\n")
    (folder / "broken.jsonl").write_text(f"{line}\n{{\nnull\n[]\n\n7\n")
    (folder / "empty.jsonl").touch()
    (folder / "mark.jsonl").write_text(f"\ufeff{line}\n")
    (folder / "long.jsonl").write_text(json.dumps({**_EVENT, "data": {"text": "x" * 2_000_000}}) + "\n")
    (folder / "broken.parquet").write_bytes(b"PAR1 and no more")
    (folder / "empty.parquet").touch()
    (folder / "broken.yaml").write_text("steps: [\n")
    (folder / "binary.yaml").write_bytes(bytes(range(256)))
    for name, sample in _EXPORTS.items():
        (folder / name).symlink_to(sample)
    shutil.copy(_SAMPLES / "beacon.yaml", folder / "carrier.yaml")
    shutil.copy(_SAMPLES / "beacon.cases.yaml", folder / "cases.yaml")
    with (folder / "telegram.json").open("rb") as opened:
        export = opened.read(_HEAD)
    (folder / "cut.json").write_bytes(export)
    (folder / "wide.txt").write_text(export.decode(errors="replace"), encoding="utf-16")
    (folder / "cut.zip").write_bytes(_zip({"result.json": export})[:-40])
    (folder / "nested.zip").write_bytes(_zip({"../out.json": export, "in.zip": _zip({"result.json": export})}))
    (folder / "cut.sqlite").write_bytes(b"SQLite format 3\0" + bytes(80))
    (folder / "names.csv").write_text('Date,Name,Text\n2026-01-01 10:00,[red]\x1b[2J,hello\n,,\n"never closed')
    (folder / "wild.yaml").write_text(
        "name: beacon\ncases:\n  - when: {kind: post}\n    emit: [{kind: no.kind}]\n  - 7\n"
    )
    (folder / "deep.json").write_text("[" * 20_000)
    (folder / "swollen.zip").write_bytes(_swollen())
    (folder / "marked.json").write_bytes(b"\xef\xbb\xbf" + export)
    (folder / "[red]\x1b[2J.csv").write_text("Date,Name,Text\n2026-01-01 10:00,Ann,hello\n")
    (folder / "secret.json").write_bytes(export)
    (folder / "secret.json").chmod(0)
    (folder / "nowhere").symlink_to("missing")
    (folder / "folder").mkdir()
    (folder / "loop").symlink_to("loop")


@cache
def _swollen() -> bytes:
    return _zip({"result.json": b"[" + b" " * _SWOLLEN_BYTES + b"]"})


def _zip(files: Mapping[str, bytes]) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return written.getvalue()


def _nonsense(lake: Path, *, is_file: bool) -> None:
    if is_file:
        lake.touch()
        return
    for table in ("raw", "events", "identity_ruling", "person_day"):
        (lake / table / "_delta_log").mkdir(parents=True)
        (lake / table / "_delta_log" / f"{0:020}.json").write_text("nonsense")


def _damage(lake: Path, random: Random) -> None:
    """Delete, cut or overwrite one file of a table; the links of other cases keep theirs."""
    file = random.choice(sorted(path for path in lake.rglob("*") if path.is_file()))
    content = file.read_bytes()
    file.unlink()
    match random.randrange(3):
        case 0:
            file.write_bytes(content[: len(content) // 2])
        case 1:
            file.write_bytes(bytes(random.randrange(256) for _ in range(64)))
        case _:
            pass


def publish(folder: Path) -> Mapping[str, str]:
    """Start one Kafka and one PostgreSQL, publish a small company, and return the variables that name the engines.

    For a process of its own: what it uses must not be forked.
    """
    from assets.resources import Progress
    from emberline.embedded import StateFolder
    from emberline.runner import run_pipeline
    from emberline.services import Services
    from emberline.settings import load_settings
    from emberline.simulator import Scenario, simulate
    from pipelines.ingest.replay import produce

    embedded = Services(load_settings(state=StateFolder(engines(folder)).path))
    kafka, url = embedded.kafka(), embedded.warehouse_url()
    secrets = {name: text for name, text in kafka.options.items() if "password" in name}
    options = {name: text for name, text in kafka.options.items() if name not in secrets}
    found = {BROKERS: kafka.bootstrap_servers, OPTIONS: json.dumps(options), WAREHOUSE: url}
    if secrets:
        found[variable(("kafka", "sasl_password"))] = str(secrets["sasl_plain_password"])
    os.environ.update(found)
    services = Services(load_settings(state=company(folder)))
    services.kafka().create_topics(services.settings.kafka.own_topics, 1)
    produce(services.kafka(), simulate(Scenario(seed=11, days=100, groups=8, members=200)).records)
    outcome = run_pipeline(services, Progress())
    if not outcome.is_success:
        sys.exit(f"The company could not be published: {outcome.failure}")
    return found


def engines(folder: Path) -> Path:
    """The state folder of the engines, within the folder of all cases."""
    return folder / "engines"


def company(folder: Path) -> Path:
    """The state folder of the published company, with its lake."""
    return folder / "company"


def stop(folder: Path) -> None:
    """Stop the engines."""
    from emberline.embedded import EmbeddedKafka, EmbeddedPostgres, StateFolder

    state = StateFolder(engines(folder))
    EmbeddedKafka(state).stop()
    EmbeddedPostgres(state).stop()
