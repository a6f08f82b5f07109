"""`emberline sql`: psql on the published tables, reading only."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from emberline.cli.sql import psql_call

URL = "postgresql+psycopg://ann:s3cret%20word@db.example:5433/sales?sslmode=require"


@pytest.fixture
def sql(empty_database: str, tmp_path: Path):
    """Call `emberline sql` on a warehouse of the test's own, with one table of one row in `mart`."""
    with create_engine(empty_database).begin() as connection:
        connection.execute(text("CREATE SCHEMA mart"))
        connection.execute(text("CREATE TABLE mart.publication AS SELECT 7 AS version"))

    def call(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "emberline", "sql", *arguments],
            cwd=tmp_path,
            env={**os.environ, "EMBERLINE__WAREHOUSE__URL": empty_database, **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    return call


def test_arguments_reach_psql_in_their_order_and_tables_of_mart_need_no_schema(sql):
    done = sql("--csv", "-c", "SELECT version FROM publication", "-t")
    assert (done.returncode, done.stdout) == (0, "7\n")


def test_nothing_can_be_written(sql):
    done = sql("-c", "DELETE FROM publication")
    assert done.returncode == 1
    assert "read-only transaction" in done.stderr


def test_the_exit_code_is_that_of_psql(sql, empty_database: str):
    assert sql("-v", "ON_ERROR_STOP=1", "-f", "gone.sql").returncode == 1
    wrong = make_url(empty_database).set(password="wrong").render_as_string(hide_password=False)
    assert sql("-c", "SELECT 1", EMBERLINE__WAREHOUSE__URL=wrong).returncode == 2


def test_the_password_is_no_argument_as_others_see_those():
    arguments, environment = psql_call(URL, ["-c", "SELECT 1"], {"PGHOST": "elsewhere", "PGOPTIONS": "-c work_mem=1GB"})
    assert arguments[1:] == ["-c", "SELECT 1"]
    assert sorted(arguments[0].removeprefix("--dbname=").split()) == [
        "dbname=sales", "host=db.example", "port=5433", "sslmode=require", "user=ann"
    ]  # fmt: skip
    assert environment["PGPASSWORD"] == "s3cret word"
    assert environment["PGOPTIONS"].endswith("-c work_mem=1GB")
