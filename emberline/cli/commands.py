"""Every command, by importing the modules that define them."""

from emberline.cli import (
    alerts,
    audit,
    backtest,
    bi,
    carriers,
    demo,
    doctor,
    erase,
    identity,
    imports,
    mcp,
    note,
    pipeline,
    pull,
    quarantine,
    rebuild,
    receive,
    results,
    services,
    sql,
    tenant,
)
from emberline.cli.app import app

__all__ = [
    "alerts", "app", "audit", "backtest", "bi", "carriers", "demo", "doctor", "erase", "identity", "imports", "mcp",
    "note", "pipeline", "pull", "quarantine", "rebuild", "receive", "results", "services", "sql", "tenant",
]  # fmt: skip
