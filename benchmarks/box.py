"""`python -m benchmarks.box`: train the shipped model on the public community, and write it into the package.

With `--check` nothing is written; the exit code is 1 if the packaged file differs.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from benchmarks.lives import KINDS, THROUGH, company
from benchmarks.zulip import ABSENT, ARCHIVE, person_day
from pipelines.groups.risk import box as box_module
from pipelines.groups.risk.alert_quality import deaths
from pipelines.groups.risk.backtest import across_groups, judged
from pipelines.groups.risk.box import box
from pipelines.groups.risk.features import history
from pipelines.groups.risk.lines import lines
from pipelines.groups.risk.model import HORIZONS, RiskModel, encode, logistic_curve, probabilities, train, was_dead
from pipelines.groups.risk.ranking import areas
from pipelines.groups.risk.scores import BOX, MESSAGES, SHARES, SILENCE, Parts, Score, risk_columns

FILE: Final = Path(box_module.__file__).with_suffix(".json")
SOURCE: Final = {
    "learnt_from": "38 channels of a public Zulip community, leanprover-community/archive, 2018-02-26 to 2026-02-28",
    "licence": "numbers fitted to counts of messages a day; no message, name or id of the archive is among them",
    "learn_again": "python -m benchmarks.box",
}
SEEDS: Final = range(100, 110)
"""Seeds of the simulated companies that measure the shipped model; not those of its tests."""


def learn() -> str:
    """Train the shipped model and return its JSON, one line per number or list."""
    members = person_day()
    past = history(members, members.select(pl.col("day").max()).collect().item())
    model = train(past)
    if model is None:
        raise RuntimeError("the archive has too little to learn from")
    known = past.filter(pl.col("known_days") >= HORIZONS[0])
    counts = {SILENCE: "since_active_day_1", MESSAGES: "messages_28d"}
    curves = {name: [_curve(past, column, days) for days in HORIZONS] for name, column in counts.items()}
    rows = across_groups(past)
    parts = _parts(rows, curves, rows.select("risk_28", "risk_56").to_numpy())
    auc, precision = areas(judged(rows)["is_dead"].to_numpy(), judged(rows)["risk_28"].to_numpy())
    found = {
        "source": SOURCE,
        "groups": past["group_id"].n_unique(),
        "days": past.height,
        "deaths": int(was_dead(known, HORIZONS[0]).sum()),
        "auc": auc,
        "average_precision": precision,
        **curves,
        "mean_messages": float(np.log1p(past["messages_28d"].to_numpy()).mean()),
        "advantages": _advantages(rows, parts, model, curves),
        "lines": {f"{share:.0%}": _lines(members, rows, parts, Score(BOX, share)) for share in (0.0, *SHARES)},
        "model": asdict(model),
    }
    return "{\n" + ",\n".join(f'"{name}": {json.dumps(_rounded(value))}' for name, value in found.items()) + "\n}\n"


def box_left_out(rows: pl.DataFrame) -> Parts:
    """Return the scores of rows of `across_groups`: each group's by a shipped model trained without that group."""
    curves = {SILENCE: box().silence, MESSAGES: box().messages}
    return _parts(rows, curves, rows.select("risk_28", "risk_56").to_numpy())


def _curve(past: pl.DataFrame, column: str, days: int) -> list[float]:
    known = past.filter(pl.col("known_days") >= days)
    return logistic_curve(np.log1p(known[column].to_numpy()), was_dead(known, days))


def _parts(rows: pl.DataFrame, curves: dict[str, Any], risks: np.ndarray) -> Parts:
    """Return the scores of rows for which the shipped model has risks."""
    of_box = np.log(risks / (1 - risks))
    silence, messages = (
        np.array(curve)[:, 0] + np.log1p(rows[column].to_numpy())[:, None] * np.array(curve)[:, 1]
        for curve, column in ((curves[SILENCE], "since_active_day_1"), (curves[MESSAGES], "messages_28d"))
    )
    return Parts(silence, messages, of_box, of_box)


def _advantages(rows: pl.DataFrame, parts: Parts, model: RiskModel, curves: dict[str, Any]) -> dict[str, float]:
    """Return the gain of each score over days of silence: 1/3 of the community's, 2/3 of the worst simulated life's.

    A loss counts twice: no company should be warned worse than by counting days of silence.
    """
    scores = {MESSAGES: Score(MESSAGES, 0.0), **{f"{BOX} {share:.0%}": Score(BOX, share) for share in SHARES}}
    lives: dict[str, list[dict[str, float]]] = {kind: [] for kind in KINDS}
    for kind in KINDS:
        for seed in SEEDS:
            past = history(company(kind, seed), THROUGH)
            lives[kind].append(_gains(past, _parts(past, curves, model.risks(encode(past))), scores))
    gains = _gains(rows, parts, scores)
    worst = {name: min(float(np.mean([one[name] for one in found])) for found in lives.values()) for name in scores}
    return {SILENCE: 0.0, **{name: (gains[name] + 2 * worst[name]) / 3 for name in scores}}


def _gains(rows: pl.DataFrame, parts: Parts, scores: dict[str, Score]) -> dict[str, float]:
    known = np.flatnonzero((rows["known_days"] >= HORIZONS[0]).to_numpy())
    dead, parts = was_dead(rows, HORIZONS[0])[known], parts.at(known)
    silence = areas(dead, parts.silence[:, 0])[0]
    return {name: areas(dead, parts.log_odds(score)[:, 0])[0] - silence for name, score in scores.items()}


def _lines(members: pl.LazyFrame, rows: pl.DataFrame, parts: Parts, score: Score) -> list[dict[str, Any]]:
    rows = rows.with_columns(risk_columns(probabilities(parts.log_odds(score))))
    return [asdict(line) for line in lines(rows, deaths(members, rows))]


def _rounded(value: Any) -> Any:
    """Round to seven digits: the last digits of a sum of floats depend on its alignment in memory."""
    if isinstance(value, dict):
        return {name: _rounded(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_rounded(one) for one in value]
    return float(f"{value:.7g}") if isinstance(value, float) else value


def main() -> int:
    """Write the file of the package, or compare it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.box", description="Learn the model in the box.")
    parser.add_argument("--check", action="store_true", help="write nothing; end with 1 where the file differs")
    options = parser.parse_args()
    if not ARCHIVE.exists():
        print(ABSENT)
        return 1
    text = learn()
    if options.check:
        return int(FILE.read_text(encoding="utf-8") != text)
    FILE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
