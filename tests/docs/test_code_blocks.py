"""Every code block of every page runs, as who reads the page would run it.

All share one folder with one simulated company and the sample of the docs, replayed and run once. What cannot run here
is in `LINES_LEFT_OUT` and `BLOCKS_LEFT_OUT`, with the reason.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
import yaml

from emberline.conformance import check, read_cases
from emberline.embedded import EmbeddedPostgres, StateFolder
from emberline.embedded.postgres_roles import READER
from emberline.funnels import load_funnels
from emberline.services import Services
from emberline.settings import Settings, load_settings
from emberline.simulator import Scenario, simulate
from pipelines.carriers import CARRIERS, Registry
from pipelines.carriers.registry import ENTRY_POINTS
from pipelines.ingest.replay import produce
from tests.docs.pages import PAGES, ROOT, SHELLS, Block, blocks, name

SAMPLES = ROOT / "docs" / "samples"
CARRIER_PAGE = "docs/how-to/add-a-carrier.md"
BLOCKS = [block for page in PAGES for block in blocks(page)]
RUNS = {*SHELLS, "python", "sql", "toml", "yaml", "json", "jsonl"}

# Lines of shell blocks that begin so.
LINES_LEFT_OUT = {
    "make ": "takes minutes, or is what runs this test; test_pages sees that the targets are there",
    "emberline up": "starts Dagster: tests/end_to_end/test_up_and_down.py does",
    "emberline bi up": "installs 700 MB: tests/emberline/bi/test_superset.py does",
}
# Blocks that begin so.
BLOCKS_LEFT_OUT = {
    "export EMBERLINE__ALERTS__CHANNELS__": "sends to chats of the reader's own",
    "export EMBERLINE__RECEIVE__ROUTES__": "waits for a platform of the reader's own: test_receiver.py sends to it",
    "export EMBERLINE__PULL__": "asks an API of the reader's own: test_pull.py asks one",
    "export EMBERLINE__KAFKA__SASL_PASSWORD": "reads a Kafka of the reader's own",
    "export EMBERLINE__WAREHOUSE__URL": "writes to a PostgreSQL of the reader's own",
    "CREATE ROLE emberline": "an administrator's: tests/end_to_end/test_least_rights.py executes it",
    "GRANT CONNECT ON DATABASE": "likewise",
    "GRANT SELECT ON ALL TABLES": "likewise",
    "CREATE ROLE acme": "likewise: tests/emberline/test_tenant_commands.py makes such a login",
}
# Of what the examples name there is nothing here: these end with an exit code of their own.
REFUSED = {f"emberline alerts {action} 17": 6 for action in ("ack", "snooze", "verdict")}
# These go on until they are stopped, and then end with 0.
ENDLESS = {"emberline ingest"}

COMPANY = Scenario(seed=11, days=120, groups=16, members=600)


def chosen(*languages: str) -> list[Block]:
    """The blocks of these languages, but for those left out."""
    return [b for b in BLOCKS if b.language in languages and not b.code.startswith(tuple(BLOCKS_LEFT_OUT))]


def of(*languages: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("block", chosen(*languages), ids=str)


class Reader:
    """Somebody with a checkout, in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings = Settings(state=folder / ".emberline")

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the folder, with the checkout's programs on the path and none of our settings."""
        ours = {key: value for key, value in os.environ.items() if not key.startswith("EMBERLINE")}
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return subprocess.run(
            command,
            cwd=self.folder,
            env={**ours, "PATH": path, "NO_COLOR": "1", "COLUMNS": "160"},
            capture_output=True,
            text=True,
            check=False,
        )

    def warehouse(self) -> sa.URL:
        """The warehouse as readers see it."""
        server = EmbeddedPostgres(StateFolder(self.settings.state))
        server.start()
        return sa.make_url(server.url(READER))


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder with what the checkout has and the files that pages tell to write."""
    # Not pytest's own temporary folder: that is closed to the user PostgreSQL runs as under root.
    with tempfile.TemporaryDirectory(prefix="emberline-docs-", ignore_cleanup_errors=True) as root:
        path = Path(root)
        path.chmod(0o755)
        for there in ("docs", ".venv"):
            (path / there).symlink_to(ROOT / there)
        (path / "funnels").mkdir()
        (path / "funnels" / "first_click.yaml").write_text(one("yaml", "name: first_click").code)
        (path / "emberline.toml").write_text(one("toml", "[funnels]").code)
        yield path


@pytest.fixture(scope="module")
def reader(folder: Path) -> Iterator[Reader]:
    """Somebody whose simulated company is published, with the sample that pages name events of."""
    somebody = Reader(folder)
    try:
        kafka = Services(somebody.settings).kafka()
        kafka.create_topics(somebody.settings.kafka.own_topics, 3)
        produce(kafka, simulate(COMPANY).records)
        sample = somebody.run("emberline", "replay", "docs/samples/events.jsonl", "--carrier", "cloudevents")
        assert sample.returncode == 0, sample.stderr
        done = somebody.run("emberline", "run")
        assert done.returncode == 0, done.stderr
        yield somebody
    finally:
        somebody.run("emberline", "down")


def one(language: str, beginning: str) -> Block:
    """The only block of a language that begins so."""
    (found,) = (block for block in BLOCKS if block.language == language and block.code.startswith(beginning))
    return found


def fitted(script: str) -> str:
    """The script without what is left out; lines of `REFUSED` and `ENDLESS` must end as is said there."""
    lines: list[str] = []
    for line in script.replace("\\\n", " ").splitlines():
        command = line.partition(" #")[0].strip()
        if command.startswith(tuple(LINES_LEFT_OUT)):
            continue
        codes = [code for beginning, code in REFUSED.items() if command.startswith(beginning)]
        if codes:
            lines.append(f"ended=0; {command} || ended=$?; test $ended -eq {codes[0]}")
        elif command in ENDLESS:
            lines.append(f"timeout --preserve-status --signal=TERM 20 {command}")
        else:
            lines.append(line)
    return "\n".join(lines)


def test_no_fence_of_a_page_is_overlooked():
    fences = {name(page): len(re.findall(r"^\s*(?:```|~~~)", page.read_text(), re.MULTILINE)) for page in PAGES}
    assert fences == {name(page): 2 * len(blocks(page)) for page in PAGES}


def test_every_block_is_of_a_language_that_runs_here_or_plain_text():
    assert [str(block) for block in BLOCKS if block.language not in RUNS | {"text"}] == []


def test_every_exception_is_of_something_that_pages_say():
    lines = [line for block in BLOCKS for line in block.code.splitlines()]
    exceptions = {*LINES_LEFT_OUT, *BLOCKS_LEFT_OUT, *REFUSED, *ENDLESS}
    assert [start for start in exceptions if not any(line.strip().startswith(start) for line in lines)] == []


@pytest.mark.soak
def test_every_block_that_is_run_runs_as_printed(reader: Reader, subtests: pytest.Subtests):
    # One after the other: the blocks of a page follow each other, and one company is enough.
    for block in chosen(*SHELLS, "python", "sql"):
        with subtests.test(str(block)):
            if block.language == "sql":
                query(block, reader)
                continue
            shell = ("bash", "-euo", "pipefail", "-c", fitted(block.code))
            done = reader.run(*(shell if block.language in SHELLS else (sys.executable, "-c", block.code)))
            assert done.returncode == 0, done.stdout + done.stderr
            assert "Traceback" not in done.stdout + done.stderr


def query(block: Block, reader: Reader) -> None:
    """Run the statements of a block as a reader of the warehouse."""
    url = reader.warehouse().set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url) as connection:
        connection.execute(block.code.encode())
        connection.rollback()


@of("toml")
def test_a_toml_block_is_settings(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    if block.code.startswith("[project."):
        assert tomllib.loads(block.code)["project"]["entry-points"].keys() == {ENTRY_POINTS}
        return
    file = tmp_path / "emberline.toml"
    file.write_text(block.code)
    monkeypatch.setenv("EMBERLINE_SETTINGS", str(file))
    load_settings()


@of("yaml")
def test_a_yaml_block_is_what_its_page_says(block: Block, tmp_path: Path):
    said = yaml.safe_load(block.code)
    if name(block.page) == CARRIER_PAGE:
        sample = "beacon.cases.yaml" if isinstance(said, list) else "beacon.yaml"
        assert block.code == (SAMPLES / sample).read_text()
        return
    packaged = yaml.safe_load((ROOT / "schemas" / "funnels" / "standard.yaml").read_text())
    whole = said if "steps" in said else {**packaged, "name": "of_the_page", **said}
    (tmp_path / "funnel.yaml").write_text(yaml.safe_dump(whole))
    assert len(load_funnels(["funnel.yaml"], tmp_path)) == 2


@of("json", "jsonl")
def test_a_json_block_is_events(block: Block):
    values = block.code.splitlines() if block.language == "jsonl" else [block.code]
    assert [json.loads(value) for value in values]
    decoded = CARRIERS["cloudevents"].decode([value.encode() for value in values])
    assert decoded.rejected.rows() == []


def test_the_page_on_carriers_prints_the_payloads_of_its_sample():
    [block] = [block for block in BLOCKS if name(block.page) == CARRIER_PAGE and block.language == "text"]
    assert block.code == (SAMPLES / "beacon.jsonl").read_text()


def test_the_carrier_of_the_page_keeps_its_cases_and_the_laws():
    carrier = Registry({"beacon": SAMPLES / "beacon.yaml"})["beacon"]
    check(carrier, read_cases(SAMPLES / "beacon.cases.yaml"))
