"""`dg dev` and `dagster dev` in the checkout, as docs/how-to/run-by-itself.md says."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest

from emberline.embedded import StateFolder
from tests.assets.test_graph import LAKE
from tests.docs.pages import ROOT

pytestmark = pytest.mark.soak

_ANSWERS_WITHIN_S = 600
_ENDS_WITHIN_S = 120
LOADED = "{ assetNodes { assetKey { path } repository { location { name } } } }"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def asked(port: int) -> list[dict[str, Any]]:
    """The assets that the page knows; none while it starts."""
    question = Request(
        f"http://127.0.0.1:{port}/graphql", json.dumps({"query": LOADED}).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urlopen(question, timeout=60) as answer:
            return json.load(answer)["data"]["assetNodes"]
    except URLError:
        return []


@pytest.mark.parametrize("program", ["dg", "dagster"])
def test_dagsters_own_server_serves_the_assets_of_the_checkout_and_down_stops_what_its_sensors_started(
    program: str, tmp_path: Path
):
    port, log = free_port(), tmp_path / "log"
    state = StateFolder(tmp_path / "state")
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("EMBERLINE", "DAGSTER"))}
    environment = {
        **ours,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "VIRTUAL_ENV": str(Path(sys.prefix)),
        "EMBERLINE__STATE": str(state.path),
    }
    command = [program, "dev", "--port", str(port)]
    with (
        log.open("w") as written,
        subprocess.Popen(command, cwd=ROOT, env=environment, stdout=written, stderr=written) as server,
    ):
        try:
            until = time.monotonic() + _ANSWERS_WITHIN_S
            while not (found := asked(port)) and server.poll() is None and time.monotonic() < until:
                time.sleep(1)
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(timeout=_ENDS_WITHIN_S)
            subprocess.run(["emberline", "down"], env=environment, check=True)
            told = subprocess.run(
                ["emberline", "status", "--json"], env=environment, stdout=subprocess.PIPE, check=True
            )
            state.destroy()
    assert {node["assetKey"]["path"][-1] for node in found} >= LAKE.keys(), log.read_text()
    assert "Traceback" not in log.read_text()
    status = json.loads(told.stdout)
    assert (status["kafka"], status["warehouse"]) == (None, None)
