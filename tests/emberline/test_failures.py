"""What the operating system refuses is told with what to do; a defect keeps its trace in a file."""

import errno
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner, Result

from emberline import status
from emberline.cli.commands import app
from emberline.cli.errors import ExitCode
from emberline.embedded import StateFolder
from emberline.failures import explained, keep_trace
from pipelines.lake_damage import LakeDamaged
from schemas.errors import EmberlineError


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments, env={"NO_COLOR": "1"})


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EMBERLINE__STATE", str(tmp_path / "state"))


@pytest.mark.parametrize(
    ("number", "next_step"),
    [
        (errno.ENOSPC, "Make room"),
        (errno.EROFS, "Mount it so that it can be written"),
        (errno.EACCES, "Let this user read and write it"),
        (errno.EMFILE, "ulimit"),
    ],
)
def test_what_the_operating_system_refuses_names_the_place_and_what_to_do(number: int, next_step: str):
    found = explained(OSError(number, os.strerror(number), "/srv/state/kafka.lock"))
    assert found is not None
    assert found.place == "/srv/state/kafka.lock"
    assert os.strerror(number) in found.cause
    assert next_step in found.next_step


def test_an_error_of_this_project_is_found_below_one_of_dagsters():
    known = EmberlineError("No room.", "Make room.")
    outer = RuntimeError("resource failed")
    outer.__cause__ = known
    assert explained(outer) is known


@pytest.mark.parametrize("error", [ValueError("x"), OSError("x"), FileNotFoundError(errno.ENOENT, "gone", "x")])
def test_what_nobody_can_mend_is_a_defect(error: Exception):
    assert explained(error) is None


def test_a_defect_is_a_box_that_names_the_file_with_the_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    state = StateFolder(tmp_path / "state")
    monkeypatch.setattr(status, "addresses", lambda *_, **__: 1 // 0)
    done = call("status")
    assert done.exit_code == ExitCode.DEFECT
    assert "Traceback" not in done.output
    shown = "".join(done.stderr.replace("│", "").split())
    assert "ZeroDivisionError:integerdivision" in shown
    assert f"thetracein{state.path}/errors.log" in shown
    assert "Reportit" in shown
    log = state.path / "errors.log"
    assert "1 // 0" in log.read_text()
    assert log.stat().st_mode & 0o777 == 0o600


def test_the_log_of_defects_does_not_grow_for_ever(tmp_path: Path):
    state = StateFolder(tmp_path / "state")
    for number in range(3):
        keep_trace(f"{number}" * 900_000, state.path)
    sizes = [file.stat().st_size for file in state.path.glob("errors.log*")]
    assert len(sizes) == 2
    assert sum(sizes) < 3_000_000


def test_a_trace_without_a_state_folder_goes_to_a_file_of_its_own(tmp_path: Path):
    file = keep_trace("the trace", tmp_path / "state")
    assert file is not None
    assert "the trace" in file.read_text()
    assert not (tmp_path / "state").exists()
    file.unlink()


def run(script: str, **options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload]


EMBERLINE = f"{sys.executable} -m emberline"


def test_a_reader_of_the_output_who_ends_first_is_no_failure():
    done = run(f"set -o pipefail; {EMBERLINE} status --json | true")
    assert (done.returncode, done.stderr) == (ExitCode.UNREAD, "")


@pytest.mark.parametrize("arguments", ["--help", "replay --help", "replay 2>&1", "alerts list --nonsense 2>&1"])
def test_help_and_errors_of_usage_that_nobody_reads_are_no_failure(arguments: str):
    done = run(f"set -o pipefail; {EMBERLINE} {arguments} | true")
    assert (done.returncode, done.stderr) == (ExitCode.UNREAD, "")


@pytest.mark.parametrize("closed", ["status >&-", "status 2>&-", "--help >&- 2>&-"])
def test_a_stream_that_is_closed_is_no_failure(closed: str):
    assert run(f"{EMBERLINE} {closed}").returncode == ExitCode.OK


def test_errors_that_find_no_room_still_have_their_exit_code():
    done = run(f"{EMBERLINE} replay 2> /dev/full")
    assert (done.returncode, done.stdout) == (ExitCode.ENGINE, "")


@pytest.mark.parametrize("arguments", ["status --json", "--help", "replay --help"])
def test_output_that_finds_no_room_is_told_once(arguments: str):
    done = run(f"{EMBERLINE} {arguments} > /dev/full")
    assert done.returncode == ExitCode.ENGINE
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_command_with_a_word_and_a_code_of_its_own(tmp_path: Path, number: signal.Signals):
    (tmp_path / "one.jsonl").write_text("{}\n")
    with socket.create_server(("127.0.0.1", 0)) as broker:
        servers = f"127.0.0.1:{broker.getsockname()[1]}"
        command = [sys.executable, "-m", "emberline", "replay", "one.jsonl", "--carrier", "cloudevents"]
        environment = {**os.environ, "EMBERLINE__KAFKA__BOOTSTRAP_SERVERS": servers}
        with subprocess.Popen(command, stderr=subprocess.PIPE, env=environment, text=True) as process:
            broker.accept()  # it waits for an answer by now
            process.send_signal(number)
            _, told = process.communicate(timeout=60)
    assert process.returncode == ExitCode.INTERRUPTED
    assert "Interrupted" in told
    assert "Traceback" not in told


def test_what_polars_says_of_a_data_file_is_no_defect():
    found = explained(pl.exceptions.ComputeError("parquet: File out of specification: Invalid thrift: end of file"))
    assert isinstance(found, LakeDamaged)
    assert "emberline doctor --read" in found.next_step
    assert explained(pl.exceptions.ComputeError("cannot compare string with numeric type")) is None
