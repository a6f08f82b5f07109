"""`run` where PostgreSQL lets it not in, or lets it do too little: one typed error that names what to mend."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from emberline.cli.commands import app
from emberline.cli.errors import ExitCode
from emberline.embedded import EmbeddedPostgres
from emberline.embedded.postgres_roles import DAGSTER

WAREHOUSE = "EMBERLINE__WAREHOUSE__URL"
STORAGE = "EMBERLINE__DAGSTER__STORAGE_URL"


@pytest.fixture
def urls(postgres: EmbeddedPostgres, database: str, empty_database: str) -> dict[str, sa.URL]:
    """URLs of a warehouse, each wrong in one way but the first."""
    right = sa.make_url(database)
    return {
        "right": right,
        "wrong password": right.set(password="hush-hush"),
        "no such database": right.set(database="nowhere"),
        "dead port": right.set(port=1),
        "no right to create": sa.make_url(postgres.url(DAGSTER)).set(database=sa.make_url(empty_database).database),
    }


@pytest.mark.parametrize(
    ("variable", "wrong", "error", "found", "next_step"),
    [
        (WAREHOUSE, "wrong password", "WarehouseUnreachable", "password authentication failed", WAREHOUSE),
        (WAREHOUSE, "no such database", "WarehouseUnreachable", 'database "nowhere" does not exist', WAREHOUSE),
        (WAREHOUSE, "dead port", "WarehouseUnreachable", "Connection refused", WAREHOUSE),
        (WAREHOUSE, "no right to create", "InstanceFailed", "permission denied", "create schemas in this database"),
        (STORAGE, "wrong password", "WarehouseUnreachable", "password authentication failed", STORAGE),
        (STORAGE, "no right to create", "InstanceFailed", "permission denied", "create schemas in this database"),
    ],
)
def test_a_run_that_postgresql_refuses_ends_in_one_error_with_its_next_step(
    urls: dict[str, sa.URL], variable: str, wrong: str, error: str, found: str, next_step: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):  # fmt: skip
    monkeypatch.chdir(tmp_path)
    given = {WAREHOUSE: urls["right"]} | {variable: urls[wrong]}
    shown = {name: url.render_as_string(hide_password=False) for name, url in given.items()}
    others = {"EMBERLINE__STATE": str(tmp_path / "state"), "EMBERLINE__KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:1"}
    done = CliRunner().invoke(app, ["run"], env={"NO_COLOR": "1", **others, **shown})
    assert (done.exit_code, done.stdout) == (ExitCode.FAILED, ""), done.output
    heading, *_, last = done.stderr.strip().splitlines()
    assert heading.startswith(f"{error}: ")
    assert found in done.stderr
    assert last.startswith("Next: ")
    assert next_step in last
    assert "Traceback" not in done.stderr
    assert all(str(url.password) not in done.stderr for url in given.values())
    assert not (tmp_path / "state" / "errors.log").exists()
