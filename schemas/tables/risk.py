"""How likely living groups are to die."""

from __future__ import annotations

from typing import Final

import polars as pl

from schemas.columns import SHARE, Meaning
from schemas.table import COMPLETE_DAYS, LakeTable, each
from schemas.tables.engagement import PERSON_DAY
from schemas.tables.groups import GROUP_HEALTH
from schemas.tables.ingest import EVENTS, IDENTITY, IDENTITY_CHANGE, TOUCHED

_ACTIVITY: Final = PERSON_DAY.of("group_id", "person_id", "day", "messages", "reactions", "first_time", "last_time")
_SETTINGS: Final = (*COMPLETE_DAYS, "groups.risk_retrain_days")
_COMPUTED_WITH: Final = ("risk_model", "group_risk")

RISK_MODEL: Final = LakeTable(
    name="risk_model",
    group="risk",
    description="""The scores that estimate how likely groups are to die, each chosen on the complete days up to \
`trained_through`.

`score` is the one in use: `box`, the shipped model; `own`, the company's own model blended with the shipped one; or a \
count, `silence` or `messages`. `model_share` is the weight of the model in it, the rest is days of silence. The \
grades come from a backtest on `judged_days` group-days, one a week, each scored with only what was known before it; \
beside them are those of the shipped model, of days of silence and of messages in 28 days. They are null if the \
backtest had no data. A score whose predictions are not calibrated may not raise alerts.""",
    columns={
        "version": pl.String(),
        "trained_through": pl.Date(),
        "groups": pl.Int32(),
        "days": pl.Int32(),
        "score": pl.String(),
        "model_share": pl.Float64(),
        "judged_days": pl.Int32(),
        "judged_deaths": pl.Int32(),
        "auc": pl.Float64(),
        "auc_silence": pl.Float64(),
        "auc_messages": pl.Float64(),
        "auc_box": pl.Float64(),
        "average_precision": pl.Float64(),
        "average_precision_silence": pl.Float64(),
        "average_precision_messages": pl.Float64(),
        "average_precision_box": pl.Float64(),
        "calibration_error": pl.Float64(),
        "may_alert": pl.Boolean(),
        "lines": pl.String(),
        "parameters": pl.String(),
    },
    key=("version",),
    meanings={
        "version": Meaning("name of the model"),
        "trained_through": Meaning("last complete day it was trained and chosen on"),
        "groups": Meaning("number of groups it was trained on", "groups"),
        "days": Meaning("number of days of groups it was trained on", "days of groups"),
        "judged_days": Meaning("number of later days of groups that earlier models were tested on", "days of groups"),
        "judged_deaths": Meaning("number of those that were followed by death within 28 days", "days of groups"),
        "auc": Meaning("area under the ROC curve on them, 0 to 1", SHARE),
        "auc_silence": Meaning("the same of days of silence", SHARE),
        "auc_messages": Meaning("the same of messages in 28 days", SHARE),
        "auc_box": Meaning("the same of the shipped model", SHARE),
        "average_precision": Meaning("average precision on them, 0 to 1", SHARE),
        "average_precision_silence": Meaning("the same of days of silence", SHARE),
        "average_precision_messages": Meaning("the same of messages in 28 days", SHARE),
        "average_precision_box": Meaning("the same of the shipped model", SHARE),
        "calibration_error": Meaning("mean distance between predicted probability and share of deaths, 0 to 1", SHARE),
        "may_alert": Meaning("false if groups died more or less often than predicted"),
        "lines": Meaning("alert quality in the backtest by the risk at which alerts are raised, as JSON"),
        "parameters": Meaning("the fitted score, as JSON"),
    },
    made_of=each(
        (
            "version", "trained_through", "groups", "days", "score", "model_share", "judged_days", "judged_deaths",
            "auc", "auc_silence", "auc_messages", "auc_box", "average_precision", "average_precision_silence",
            "average_precision_messages", "average_precision_box", "calibration_error", "may_alert", "lines",
            "parameters",
        ),
        _ACTIVITY,
    ),
    guided_by=(EVENTS, IDENTITY, TOUCHED, IDENTITY_CHANGE, GROUP_HEALTH),
    settings=_SETTINGS,
    code_version=4,
    computed_with=_COMPUTED_WITH,
)  # fmt: skip

GROUP_RISK: Final = LakeTable(
    name="group_risk",
    group="risk",
    description="""How likely a living group was to be dead within 28 and 56 days, as estimated when `day` was the \
newest complete one.

Dead: 28 days in a row without member activity. `drivers` says in words what raises the risk, with percentage points, \
the strongest first. There is no row before a group's day 28, or while its feed is silent. `score` is the score in \
use, `model_share` the weight of the model in it, `model` its version.""",
    columns={
        "group_id": pl.String(),
        "day": pl.Date(),
        "risk_28": pl.Float64(),
        "risk_56": pl.Float64(),
        "drivers": pl.String(),
        "model": pl.String(),
        "may_alert": pl.Boolean(),
        "score": pl.String(),
        "model_share": pl.Float64(),
        "disagreement": pl.String(),
    },
    key=("group_id", "day"),
    meanings={
        "day": Meaning("the newest complete day when this was computed"),
        "model": Meaning("version of the risk model"),
    },
    made_of={
        "group_id": GROUP_HEALTH.of("group_id", "day", "silent_days") + PERSON_DAY.of("group_id", "day"),
        "day": GROUP_HEALTH.of("day"),
        **each(("risk_28", "risk_56", "drivers"), RISK_MODEL.of("parameters"), _ACTIVITY),
        "model": RISK_MODEL.of("version"),
        **{name: RISK_MODEL.of(name) for name in ("may_alert", "score", "model_share")},
        "disagreement": GROUP_HEALTH.of("group_id", "day", "state") + RISK_MODEL.of("parameters") + _ACTIVITY,
    },
    guided_by=(EVENTS, IDENTITY, TOUCHED, IDENTITY_CHANGE),
    settings=_SETTINGS,
    code_version=4,
    computed_with=_COMPUTED_WITH,
)
