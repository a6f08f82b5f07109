"""Every command, by importing the modules that define them."""

from emberline.cli import (
    alerts,
    backtest,
    demo,
    doctor,
    identity,
    pipeline,
    quarantine,
    rebuild,
    results,
    services,
    sql,
)
from emberline.cli.app import app

__all__ = [
    "alerts", "app", "backtest", "demo", "doctor", "identity", "pipeline", "quarantine", "rebuild", "results",
    "services", "sql",
]  # fmt: skip
