"""The embedded server keeps its rows and its address, and lets nobody in without the password."""

import os
import socket
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from sqlalchemy import create_engine, make_url, text

from emberline.embedded import EmbeddedPostgres, EngineDied, FolderBusy, StateFolder
from emberline.embedded.ports import LOOPBACK
from emberline.embedded.tenancy import tenancy

FAST = {"fsync": "off"}
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs it as another user")


@pytest.fixture(scope="module")
def state() -> Iterator[StateFolder]:
    folder = StateFolder(Path(tempfile.mkdtemp(prefix="emberline-postgres-")))
    yield folder
    EmbeddedPostgres(folder).stop()
    folder.destroy()


@pytest.fixture
def server(state: StateFolder) -> EmbeddedPostgres:
    """Give a running server of this module's own, which a test may stop or kill."""
    server = EmbeddedPostgres(state, settings=FAST)
    server.start()
    return server


def postmaster(state: StateFolder) -> psutil.Process:
    pid_file = state.path / "postgres" / "data" / "postmaster.pid"
    return psutil.Process(int(pid_file.read_text().splitlines()[0]))


def processes(state: StateFolder) -> list[psutil.Process]:
    """Return every process that works in the server's data folder."""
    data = str((state.path / "postgres" / "data").resolve())
    return [p for p in psutil.process_iter(["cwd"]) if p.info["cwd"] == data]


def run(url: str, statement: str) -> list[tuple]:
    engine = create_engine(url)
    with engine.begin() as connection:
        result = connection.execute(text(statement))
        rows = [tuple(row) for row in result] if result.returns_rows else []
    engine.dispose()
    return rows


def test_starting_twice_gives_the_same_server(server: EmbeddedPostgres, state: StateFolder):
    before = postmaster(state)
    assert server.start() == server.address()
    assert postmaster(state) == before


def test_rows_survive_a_stop_and_a_start(server: EmbeddedPostgres):
    run(server.start(), "CREATE TABLE stopped AS SELECT 1 AS kept")
    server.stop()
    assert run(server.start(), "SELECT kept FROM stopped") == [(1,)]


def test_rows_survive_a_kill_and_a_start(server: EmbeddedPostgres, state: StateFolder):
    run(server.start(), "CREATE TABLE killed AS SELECT 1 AS kept")
    postmaster(state).kill()
    assert run(server.start(), "SELECT kept FROM killed") == [(1,)]


def test_stopping_leaves_no_process_and_no_address(server: EmbeddedPostgres, state: StateFolder):
    server.stop()
    server.stop()
    assert processes(state) == []
    assert server.address() is None


def test_stopping_ends_the_connections_of_clients(server: EmbeddedPostgres, state: StateFolder):
    engine = create_engine(server.start())
    with engine.connect() as connection:
        connection.execute(text("SELECT 1"))
        server.stop()
        assert processes(state) == []
        connection.invalidate()


def test_a_restart_keeps_the_address(server: EmbeddedPostgres):
    before = server.address()
    server.stop()
    assert server.start() == before


def test_a_port_taken_meanwhile_is_replaced(server: EmbeddedPostgres):
    before = make_url(server.start()).port
    server.stop()
    assert before is not None
    with socket.create_server((LOOPBACK, before)):
        after = server.start()
        assert make_url(after).port != before
        assert run(after, "SELECT 1") == [(1,)]


def test_a_pid_file_that_names_another_program_does_not_stop_a_start(server: EmbeddedPostgres, state: StateFolder):
    server.stop()
    pid_file = state.path / "postgres" / "data" / "postmaster.pid"
    pid_file.write_text(f"{os.getpid()}\n")
    assert server.address() is None
    assert run(server.start(), "SELECT 1") == [(1,)]


def test_no_second_server_starts_on_files_in_use(server: EmbeddedPostgres, state: StateFolder):
    server.stop()
    with tenancy(state, "postgres"), pytest.raises(FolderBusy, match="cannot see"):
        server.start()


def test_a_running_server_holds_its_files(server: EmbeddedPostgres, state: StateFolder):
    with pytest.raises(FolderBusy), tenancy(state, "postgres"):
        pass


def test_the_server_listens_on_the_loopback_interface_only(server: EmbeddedPostgres, state: StateFolder):
    sockets = postmaster(state).net_connections("all")
    assert {s.laddr.ip for s in sockets if s.status == psutil.CONN_LISTEN} == {LOOPBACK}


def test_a_wrong_password_is_refused(server: EmbeddedPostgres):
    wrong = make_url(server.start()).set(password="wrong", drivername="postgresql")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(wrong.render_as_string(hide_password=False))


def test_the_database_holds_every_language(server: EmbeddedPostgres):
    assert run(server.start(), "SHOW server_encoding") == [("UTF8",)]
    assert run(server.start(), "SELECT upper('čaj ñ')") == [("ČAJ Ñ",)]


def test_a_server_that_cannot_start_quotes_its_log(server: EmbeddedPostgres, state: StateFolder):
    server.stop()
    broken = EmbeddedPostgres(state, settings={"shared_buffers": "plenty"})
    with pytest.raises(EngineDied, match=r"(?s)ended while it started.*shared_buffers"):
        broken.start()


@as_root
def test_a_state_folder_closed_to_others_stays_closed_and_works(tmp_path: Path):
    closed = tmp_path / "home"
    closed.mkdir(mode=0o700)
    state = StateFolder(closed / "state")
    server = EmbeddedPostgres(state, settings=FAST)
    try:
        assert run(server.start(), "SELECT 1") == [(1,)]
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    finally:
        server.stop()
        outside = (state.path / "postgres").resolve()
        state.destroy()
    assert not outside.exists()


@as_root
def test_under_root_the_server_is_no_member_of_roots_groups(server: EmbeddedPostgres, state: StateFolder):
    process = postmaster(state)
    assert 0 not in {*process.uids(), *process.gids()}
    groups = Path(f"/proc/{process.pid}/status").read_text().split("Groups:")[1].splitlines()[0]
    assert groups.split() == []


def test_each_test_gets_an_empty_database(empty_database: str):
    assert run(empty_database, "SELECT 1 FROM pg_tables WHERE schemaname = 'public'") == []
