"""The command line. Commands import what they need when they run: `--help` must not wait for Dagster."""

from emberline.cli import alerts, backtest, demo, doctor, identity, pipeline, rebuild, results, services
from emberline.cli.app import app


def main() -> None:
    """Run the command line."""
    app()


__all__ = ["alerts", "backtest", "demo", "doctor", "identity", "main", "pipeline", "rebuild", "results", "services"]
