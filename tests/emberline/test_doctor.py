"""`emberline doctor`: what it looks at, and how it says it."""

import json
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from typer.testing import CliRunner, Result

from emberline.cli.commands import app
from emberline.cli.errors import ExitCode
from emberline.services import Services
from emberline.settings import load_settings
from pipelines.pseudonym_key import bind_key
from pipelines.publish.guard import Guard
from pipelines.publish.warehouse import Warehouse
from schemas.lake import RAW
from schemas.warehouse import DATA_TABLES
from tests.pipelines.canonical import land, records
from tests.pipelines.publish.company import NOON, NOTHING_LATE, frames, known, load


@pytest.fixture
def doctor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Call it in a state folder of its own; keywords are environment variables."""
    monkeypatch.setenv("EMBERLINE__STATE", str(tmp_path / "state"))

    def call(*arguments: str, **environment: str) -> Result:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        return CliRunner().invoke(app, ["doctor", *arguments])

    return call


def findings(result: Result) -> dict[tuple[str, str], dict[str, str | None]]:
    return {(found["area"], found["subject"]): found for found in json.loads(result.stdout)}


def test_where_nothing_is_yet_nothing_is_broken_or_made(doctor, tmp_path: Path):
    done = doctor("--json")
    assert done.exit_code == ExitCode.OK
    assert {found["health"] for found in findings(done).values()} == {"ok", "warning"}
    assert list(tmp_path.iterdir()) == []


def test_a_line_for_people_says_what_to_do(doctor):
    services = Services(load_settings())
    bind_key(services.lake(), services.pseudonyms())
    land(services.lake(), records([b"a record"]))
    Path(services.lake().open(RAW).delta.file_uris()[0]).unlink()
    done = doctor()
    assert done.exit_code == ExitCode.FAILED
    lines = done.stdout.splitlines()
    [number] = [number for number, line in enumerate(lines) if line.startswith("broken")]
    assert lines[number].startswith("broken  lake      raw: Lake table raw: 1 file is gone that its log names")
    assert lines[number + 1].startswith("        Next: Restore what is gone")


def test_a_lost_key_is_found_and_not_replaced(doctor):
    services = Services(load_settings())
    bind_key(services.lake(), services.pseudonyms())
    key = services.state.path / "secrets" / "pseudonyms"
    key.unlink()
    done = doctor("--json")
    assert done.exit_code == ExitCode.FAILED
    assert findings(done)["key", "pseudonyms"]["health"] == "broken"
    assert not key.exists()


def test_brokers_and_a_server_that_do_not_answer_are_found(doctor):
    done = doctor(
        "--json",
        EMBERLINE__KAFKA__BOOTSTRAP_SERVERS="127.0.0.1:9",
        EMBERLINE__WAREHOUSE__URL="postgresql+psycopg://u:hush@127.0.0.1:9/d",
    )
    assert done.exit_code == ExitCode.FAILED
    found = findings(done)
    assert found["kafka", "brokers"]["health"] == found["warehouse", "server"]["health"] == "broken"
    assert "hush" not in done.stdout


def test_topics_that_are_there_and_those_that_are_not_are_told_apart(doctor, kafka: str, topic: Callable[..., str]):
    there = topic()
    topics = json.dumps({there: "cloudevents", "never.made": "zulip"})
    done = doctor("--json", EMBERLINE__KAFKA__BOOTSTRAP_SERVERS=kafka, EMBERLINE__KAFKA__TOPICS=topics)
    found = findings(done)
    assert found["kafka", there]["health"] == "ok"
    assert found["kafka", "never.made"]["health"] == "warning"


def test_a_warehouse_of_another_lake_is_found(doctor, database: str):
    warehouse = Warehouse(database)
    warehouse.prepare()
    load(warehouse, frames())
    warehouse.publish(
        DATA_TABLES, known=known(1), late=NOTHING_LATE, guard=Guard("another", needs_check=False), now=NOON
    )
    done = doctor("--json", EMBERLINE__WAREHOUSE__URL=database)
    found = findings(done)
    assert found["warehouse", "structure"]["health"] == found["warehouse", "rights"]["health"] == "ok"
    assert "from lake another" in (found["warehouse", "lake"]["found"] or "")
    assert "--accept-loss" in (found["warehouse", "lake"]["next_step"] or "")


def test_columns_that_are_missing_and_rights_that_are_missing_are_found(doctor, database: str):
    Warehouse(database).prepare()

    def after(statement: bytes) -> dict[tuple[str, str], dict[str, str | None]]:
        plain = sa.make_url(database).set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(plain) as connection:
            connection.execute(statement)
        return findings(doctor("--json", EMBERLINE__WAREHOUSE__URL=database))

    found = after(b"REVOKE INSERT ON mart.dim_group FROM CURRENT_USER")["warehouse", "rights"]
    assert found["found"] == "This role lacks INSERT on mart.dim_group."
    found = after(b"ALTER TABLE mart.dim_group DROP COLUMN name CASCADE")["warehouse", "structure"]
    assert "mart.dim_group lacks name" in (found["found"] or "")
    found = after(b"DROP TABLE mart.dim_group CASCADE")["warehouse", "structure"]
    assert found["next_step"] == "Let a run prepare it: emberline run"
