"""The command line. Commands import what they need when they run: `--help` must not wait for Dagster."""

import io
import sys

from emberline.cli import alerts, backtest, demo, doctor, identity, pipeline, rebuild, results, services, sql
from emberline.cli.app import app


def main() -> None:
    """Run the command line."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # one that cannot write a letter shows its number instead of failing
            stream.reconfigure(errors="backslashreplace")
    app()


__all__ = [
    "alerts", "backtest", "demo", "doctor", "identity", "main", "pipeline", "rebuild", "results", "services", "sql",
]  # fmt: skip
