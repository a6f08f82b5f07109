"""Five questions of a community operator, answered with emberline's Python API on simulated data.

Look at it: `.venv/bin/marimo edit docs/notebooks/questions.py`. As a script it prints the answers.
"""

import marimo

__generated_with = "0.25.2"
app = marimo.App(
    width="medium",
    app_title="Five questions of a community operator",
)

with app.setup:
    import datetime as dt
    import html

    import marimo as mo
    import polars as pl

    from emberline.simulator import Scenario, simulate
    from pipelines.carriers import CARRIERS
    from pipelines.engagement.first_seen import first_seen
    from pipelines.engagement.person_day import person_day
    from pipelines.engagement.retention_table import retention_table
    from pipelines.events.decode import DecodeRules, decode
    from pipelines.events.deduplicate import deduplicate
    from pipelines.events.identity import apart, identity, links, with_person
    from pipelines.events.pseudonym import Pseudonyms
    from pipelines.events.watermark import watermark
    from pipelines.funnel.attribution import AttributionRules, order_credit
    from pipelines.funnel.funnel import funnel
    from pipelines.funnel.sales import by_group, sales
    from pipelines.funnel.steps import timeline
    from pipelines.funnel.views import summary
    from pipelines.groups.birth import births
    from pipelines.groups.feed_day import feed_day
    from pipelines.groups.group import group_table
    from pipelines.groups.group_day import group_day
    from pipelines.groups.health import life_days
    from pipelines.groups.member_change import member_change, with_derived
    from pipelines.groups.state import group_state
    from pipelines.groups.thresholds import LifeRules
    from pipelines.time import last_complete_day
    from schemas.currencies import CURRENCIES
    from schemas.funnel import standard
    from schemas.lake import EVENTS, IDENTITY, RAW

    SCENARIO = Scenario()
    DAY = dt.timedelta(days=1)
    PRINTED = pl.Config(tbl_rows=20, tbl_width_chars=150, fmt_str_lengths=60)


@app.function
def said(text: str) -> mo.Html:
    """A sentence; a script prints it, a page shows it."""
    if not mo.running_in_notebook():
        print(text)
    return mo.md(text)


@app.function
def shown(frame: pl.DataFrame, bar: str | None = None) -> mo.Html:
    """A table to read: numbers to the right, and a bar behind the column that matters."""
    if not mo.running_in_notebook():
        print(frame)
    top = frame[bar].max() if bar else None
    most = float(top) if isinstance(top, int | float) and top > 0 else 1.0
    line = "border-bottom:1px solid #8884;padding:0.3rem 0.8rem;"

    def side(name: str) -> str:
        return "right" if frame.schema[name].is_numeric() else "left"

    def cell(name: str, value: object) -> str:
        is_number = frame.schema[name].is_numeric()
        text = f"{value:,}" if is_number and value is not None else "" if value is None else str(value)
        room = "white-space:nowrap;" if len(text) < 40 else "min-width:14rem;"
        style = f"{line}{room}text-align:{side(name)};"
        if name == bar and isinstance(value, int | float):
            share = 100 * max(0.0, float(value)) / most
            style += (
                f"background:linear-gradient(90deg,#f59e0b55 {share:.1f}%,transparent {share:.1f}%);min-width:9rem;"
            )
        return f"<td style='{style}'>{html.escape(text)}</td>"

    heads = "".join(
        f"<th style='{line}white-space:nowrap;text-align:{side(name)};'>{html.escape(name)}</th>"
        for name in frame.columns
    )
    rows = "".join(f"<tr>{''.join(map(cell, frame.columns, row))}</tr>" for row in frame.iter_rows())
    table = f"<table style='border-collapse:collapse;font-size:0.9rem;'><tr>{heads}</tr>{rows}</table>"
    return mo.Html(f"<div style='overflow-x:auto;'>{table}</div>")


@app.cell(hide_code=True)
def _():
    mo.md("""
    # Five questions of a community operator

    /// attention | Simulated data
    The company, its groups, its members and its sales are made up by `emberline.simulator`. No number here is about
    anybody.
    ///

    The first cells turn records into events and events into facts, with the functions that the pipeline itself calls.
    With a lake of your own, replace them by `Lake(uri).open(PERSON_DAY).scan()` and so on
    (`docs/how-to/read-the-lake-and-warehouse.md`). Each question is a cell of its own: change it, or add one.
    """)
    return


@app.cell
def _():
    world = simulate(SCENARIO)
    zone = SCENARIO.zone
    received = world.truth.watermark + 365 * DAY
    raw = (
        world.records.select("topic", "key", "value")
        .with_row_index("offset")
        .with_columns(
            pl.col("offset").cast(pl.Int64),
            topic_id=pl.lit("simulated"),
            partition=pl.lit(0, pl.Int32),
            kafka_time=pl.lit(received),
            headers=pl.lit([], RAW.columns["headers"]),
            value_sha256=pl.lit(None, RAW.columns["value_sha256"]),
            removed_at=pl.lit(None, RAW.columns["removed_at"]),
        )
        .select(RAW.schema.names())
    )
    rules = DecodeRules(zone, dt.timedelta(minutes=10), Pseudonyms(b"only for this notebook"))
    decoded = decode(raw, dict.fromkeys(raw["topic"].unique(), CARRIERS["cloudevents"]), rules)
    distinct = deduplicate(decoded.events, pl.DataFrame(schema=EVENTS.schema)).added
    nobody = pl.DataFrame(schema=IDENTITY.schema)
    people = identity(apart(nobody), links(distinct.lazy()), nobody, batch=1)
    happened = with_derived(distinct.lazy(), member_change(distinct.lazy()))
    events = with_person(happened, people.lazy()).collect().lazy()
    return events, people, raw, zone


@app.cell
def _(events, zone):
    reached = watermark(events, dt.timedelta(hours=1), dt.timedelta(hours=24)) or dt.datetime.max.replace(tzinfo=dt.UTC)
    through = last_complete_day(reached, zone)
    activity = person_day(events).collect()
    firsts = first_seen(activity.lazy()).collect()
    groups = group_table(events, births(events)).collect()
    life = life_days(group_day(events), activity.lazy(), feed_day(events), groups.lazy(), through, zone, LifeRules())
    states = group_state(life.lazy()).collect()
    steps = timeline(events).collect()
    entries = funnel(steps.lazy(), standard(), reached).collect()
    credits = order_credit(events, AttributionRules(models=("last_click",))).collect()
    names = groups.select("group_id", "purpose", group=pl.coalesce("name", "group_id"))
    return (
        activity,
        credits,
        entries,
        firsts,
        names,
        states,
        steps,
        through,
    )


@app.cell(hide_code=True)
def _(people, raw, through):
    said(
        f"**{raw.height:,} records**, {people.height:,} linked accounts of {people['person_id'].n_unique():,} persons;"
        f" complete through **{through}**."
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## 1. Which groups are dying, and why?
    """)
    return


@app.cell
def _(names, states):
    current = states.filter("is_current")
    ill = (
        current.filter(pl.col("state").is_in(["declining", "dying"]))
        .join(names, on="group_id")
        .sort("state", "since", descending=True)
    )
    dead = current.filter(pl.col("state") == "dead").join(names, on="group_id").sort("since", descending=True)
    mo.vstack(
        [
            said(
                f"**{ill.height} living groups decline or are dying**, measured against their own past; "
                f"{dead.height} of {current.height} are dead. A feed that stands still brings no verdict."
            ),
            shown(ill.select("group", "purpose", "state", "since", "reason")),
            mo.md("The newest deaths, and the reason that is stored with each:"),
            shown(dead.head(5).select("group", "purpose", "since", "reason")),
        ]
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## 2. How many of last month's joiners stay?
    """)
    return


@app.cell
def _(activity, firsts, steps, through, zone):
    month_end = (through + DAY).replace(day=1)
    month = (month_end - DAY).replace(day=1)
    joined_on = pl.col("joined").dt.convert_time_zone(zone).dt.date()
    week = pl.col("day").dt.truncate("1w")
    joiners = (
        steps.filter("joined")
        .group_by("person_id")
        .agg(joined=pl.col("time").min())
        .filter(joined_on.is_between(month, month_end, closed="left"))
        .join(activity, on="person_id", how="left")
        .group_by("person_id")
        .agg(
            spoke=(pl.col("first_time") < pl.col("joined") + 7 * DAY).any(),
            came_back=(week > week.min()).any(),
        )
    )
    stay = pl.DataFrame(
        {
            "joiners who": ["joined", "spoke or reacted within 7 days", "were active again in a later week"],
            "persons": [joiners.height, joiners["spoke"].sum(), joiners["came_back"].sum()],
        }
    ).with_columns((100 * pl.col("persons") / max(1, joiners.height)).round(1).alias("of joiners (%)"))
    weekly = retention_table(firsts.lazy(), activity.lazy(), "week", through).filter(pl.col("is_complete"))
    curve = (
        weekly.filter(pl.col("period") <= 8)
        .group_by("period")
        .agg(pl.col("cohort_size", "active").sum())
        .sort("period")
        .select(
            pl.col("period").alias("weeks later"),
            pl.col("cohort_size").alias("first active"),
            pl.col("active").alias("active again"),
            (100 * pl.col("active") / pl.col("cohort_size")).round(1).alias("active again (%)"),
        )
        .collect()
    )
    mo.vstack(
        [
            said(
                f"Of **{joiners.height:,} who first joined in {month:%B %Y}**, {stay['of joiners (%)'][1]} % spoke up "
                f"within a week and **{stay['of joiners (%)'][2]} % came back** in a later week, so far."
            ),
            shown(stay, bar="of joiners (%)"),
            mo.md("All cohorts together, by weeks since the first activity; complete weeks only:"),
            shown(curve, bar="active again (%)"),
        ]
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## 3. Where does the funnel leak?
    """)
    return


@app.cell
def _(entries):
    leaks = summary(entries.lazy(), standard()).collect()
    lost_at = leaks.with_columns(
        lost=pl.col("reached").shift(1) - pl.col("reached"), before=pl.col("step").shift(1)
    ).filter(pl.col("step_number") > 1)
    leak, largest = lost_at.sort("rate_step").row(0, named=True), lost_at.sort("lost").row(-1, named=True)
    mo.vstack(
        [
            said(
                f"The weakest step is **{leak['before']} → {leak['step']}**: {100 * leak['rate_step']:.0f} % take it. "
                f"Most persons are lost at **{largest['before']} → {largest['step']}**: {largest['lost']:,}."
            ),
            shown(
                leaks.select(
                    "step",
                    "reached",
                    (100 * pl.col("rate_step")).round(1).alias("of the step before (%)"),
                    (100 * pl.col("rate_overall")).round(1).alias("of all (%)"),
                    (pl.col("median_seconds") / 86_400).round(1).alias("median days"),
                    pl.col("reached_immature").alias("still open"),
                ),
                bar="reached",
            ),
        ]
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## 4. Which groups sell?
    """)
    return


@app.cell
def _(credits, names):
    minor_digits = pl.col("currency").replace_strict({code: one.minor_digits for code, one in CURRENCIES.items()})
    in_units = [
        (pl.col(f"{name}_minor") / pl.lit(10).pow(minor_digits)).round().cast(pl.Int64).alias(name)
        for name in ("paid", "refunded", "net")
    ]
    of_places = (
        sales(credits.lazy(), by_group)
        .join(names.lazy(), on="group_id", how="left")
        .sort("net_minor", "group_id", descending=[True, False])
        .select("group", "purpose", "orders", "buyers", "currency", *in_units)
        .collect()
    )
    currency = of_places.group_by("currency").agg(pl.col("orders").sum()).sort("orders").row(-1, named=True)["currency"]
    of_groups = of_places.filter((pl.col("currency") == currency) & pl.col("group").is_not_null())
    by_nobody = of_places.filter((pl.col("currency") == currency) & pl.col("group").is_null())["net"].sum()
    sold, sold_by_five = int(of_groups["net"].sum()), int(of_groups.head(5)["net"].sum())
    mo.vstack(
        [
            said(
                f"**{of_groups['group'][0]}** sells most, by last click. The first five of {of_groups.height} groups "
                f"make {100 * sold_by_five / max(1, sold):.0f} % of the {sold:,} {currency} that groups sold; "
                f"{by_nobody:,} {currency} came without any click in a group."
            ),
            shown(of_groups.head(10), bar="net"),
        ]
    )
    return


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## 5. Who of the core went silent?
    """)
    return


@app.cell
def _(activity, credits, names, through):
    quiet_days, core_weeks = 14, 4
    quiet_since = through - quiet_days * DAY
    core_since = quiet_since - core_weeks * 7 * DAY
    weeks_ago = ((pl.lit(quiet_since) - pl.col("day")).dt.total_days() // 7).alias("week")
    in_core = pl.col("day").is_between(core_since, quiet_since, closed="right")
    core = (
        activity.filter(in_core)
        .with_columns(weeks_ago)
        .group_by("person_id")
        .agg(
            weeks=pl.col("week").n_unique(),
            messages=pl.col("messages").sum(),
            last_day=pl.col("day").max(),
            group_id=pl.col("group_id").sort_by("messages").last(),
        )
        .filter(pl.col("weeks") >= 3)
    )
    still_there = activity.filter(pl.col("day") > quiet_since).select("person_id").unique()
    buyers = credits.group_by("person_id").agg(orders=pl.len())
    silent = (
        core.join(still_there, on="person_id", how="anti")
        .join(names, on="group_id")
        .join(buyers, on="person_id", how="left")
        .sort("messages", "person_id", descending=[True, False])
    )
    mo.vstack(
        [
            said(
                f"The core are the {core.height:,} persons active in 3 of the {core_weeks} weeks up to {quiet_since}. "
                f"**{silent.height} of them have been silent for {quiet_days} days**; "
                f"{silent['orders'].drop_nulls().len()} of these had bought."
            ),
            shown(
                silent.head(12).select(
                    pl.col("person_id").str.head(8).alias("person"),
                    "group",
                    "messages",
                    pl.col("last_day").alias("last active"),
                    pl.col("orders").fill_null(0),
                ),
                bar="messages",
            ),
        ]
    )
    return


if __name__ == "__main__":
    app.run()
