"""The command `backtest`: how well risk, rules and baselines would have predicted deaths in the lake's own past."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from emberline.cli.app import app, configured
from emberline.cli.output import print_json, working
from emberline.cli.pipeline import Json

if TYPE_CHECKING:
    from pipelines.groups.risk.summary import BackTest


@app.command()
def backtest(as_json: Json = False) -> None:
    """Show how early and how reliably the risk, the rules and simple counts would have predicted deaths of groups."""
    from emberline.cli.backtest_report import print_backtest

    with working("Training models on the past and predicting later days with them"):
        done = _done()
    if as_json:
        print_json(asdict(done))
    else:
        print_backtest(done)


def _done() -> BackTest:
    from assets.completeness import complete_through
    from pipelines.groups.risk.summary import back_test
    from schemas.lake import GROUP_STATE, PERSON_DAY

    services = configured()
    lake, rules = services.lake(), services.rules()
    return back_test(
        lake.open(PERSON_DAY).scan(),
        lake.open(GROUP_STATE).scan(),
        complete_through(lake, rules),
        rules.risk_retrain_days,
        services.settings.alerts.target_precision,
    )
