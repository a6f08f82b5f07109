"""`emberline status` starts, creates and changes nothing, wherever it is called."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from emberline.cli.commands import app
from emberline.cli.errors import ExitCode

SCHEMAS = sa.text("SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' ORDER BY 1")


def status(*arguments: str) -> dict:
    done = CliRunner().invoke(app, ["status", "--json", *arguments])
    assert done.exit_code == ExitCode.OK, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(params=["state", "état [1]"])
def state(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("EMBERLINE__STATE", str(tmp_path / request.param))
    return tmp_path / request.param


def test_where_nothing_is_yet_nothing_is_made(state: Path):
    found = status("--secrets")
    assert {name: value for name, value in found.items() if value is not None} == {
        "lake": str(state / "lake"),
        "dagster": {"code_server": False, "daemon": False, "web_server": False},
    }
    assert list(state.parent.iterdir()) == []


def test_beside_a_warehouse_and_brokers_that_run_nothing_is_made_before_the_first_run(
    state: Path, kafka: str, topic: Callable[[], str], empty_database: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("EMBERLINE__KAFKA__BOOTSTRAP_SERVERS", kafka)
    monkeypatch.setenv("EMBERLINE__KAFKA__TOPICS", json.dumps({topic(): "cloudevents"}))
    monkeypatch.setenv("EMBERLINE__WAREHOUSE__URL", empty_database)
    found = status()
    assert found["backlog"]["records"] == 0
    assert found["runs"] is None
    assert list(state.parent.iterdir()) == []
    with sa.create_engine(empty_database, poolclass=sa.NullPool).connect() as connection:
        assert list(connection.scalars(SCHEMAS)) == ["information_schema", "public"]


def test_an_empty_folder_is_not_taken_over(state: Path):
    state.mkdir(mode=0o755)
    status()
    assert list(state.iterdir()) == []
    assert state.stat().st_mode & 0o777 == 0o755
