"""Births, deaths and days of a real community equal a straightforward count of its messages."""

import datetime as dt
from collections import Counter, defaultdict, deque
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from pipelines.engagement.person_day import person_day
from pipelines.groups.birth import births
from pipelines.groups.feed_day import feed_day
from pipelines.groups.group import group_table
from pipelines.groups.group_day import group_day
from pipelines.groups.health import life_days
from pipelines.groups.risk.alert_quality import deaths, worth
from pipelines.groups.risk.features import history
from pipelines.groups.risk.summary import entered
from pipelines.groups.state import group_state
from pipelines.groups.thresholds import LifeRules
from schemas.lake import EVENTS

ARCHIVE = Path(__file__).parents[3].parent / "shared" / "data" / "zulip" / "messages.parquet"
ZONE = "Asia/Shanghai"
THROUGH = dt.date(2026, 2, 27)
A_DAY = dt.timedelta(days=1)

Message = tuple[str, dt.datetime, dt.date, str, bool]
"""Group, time, day, sender and whether the sender is a bot."""

pytestmark = pytest.mark.skipif(not ARCHIVE.exists(), reason="the shared archive is not here")


@pytest.fixture(scope="module")
def events() -> pl.LazyFrame:
    """The archive as events, shuffled: the first copy of a message wins."""
    time = pl.from_epoch("ts").cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    messages = (
        pl.scan_parquet(ARCHIVE)
        .unique("msg_id", keep="first", maintain_order=True)
        .select(
            source=pl.lit("zulip"),
            event_id=pl.col("msg_id").cast(pl.String),
            type=pl.lit("message.sent"),
            time=time,
            day=time.dt.convert_time_zone(ZONE).dt.date(),
            group_id=pl.format("zulip:{}", "stream_id"),
            account_id="sender",
            role=pl.when("is_bot").then(pl.lit("bot")).otherwise(pl.lit("member")),
            topic_id=pl.lit("archive"),
            partition=pl.lit(0, pl.Int32),
            offset="msg_id",
            person_id="sender",
        )
        .collect()
        .sample(fraction=1, shuffle=True, seed=1)
    )
    empty = pl.DataFrame(schema={**EVENTS.columns, "person_id": pl.String()})
    return pl.concat([empty, messages], how="diagonal").lazy()


@pytest.fixture(scope="module")
def messages() -> list[Message]:
    """Every message once, in the archive's order."""
    archive = pl.read_parquet(ARCHIVE, columns=["msg_id", "stream_id", "ts", "sender", "is_bot"]).rows()
    first = {}
    for row in archive:
        first.setdefault(row[0], row)
    zone = ZoneInfo(ZONE)
    return [
        (f"zulip:{stream}", (time := dt.datetime.fromtimestamp(ts, zone)), time.date(), who, bot)
        for _, stream, ts, who, bot in sorted(first.values())
    ]


def test_the_days_of_groups_are_those_counted_by_hand(events: pl.LazyFrame, messages: list[Message]):
    said, bots, speakers = Counter(), Counter(), defaultdict(set)
    for group, _, day, who, is_bot in messages:
        (bots if is_bot else said)[group, day] += 1
        if not is_bot:
            speakers[group, day].add(who)
    columns = ("group_id", "day", "messages", "speakers", "active_members", "bot_messages")
    expected = {
        (*key, said[key], len(speakers[key]), len(speakers[key]), bots[key]) for key in said.keys() | bots.keys()
    }
    assert set(group_day(events).select(columns).collect().rows()) == expected


def test_groups_are_born_when_a_sliding_window_says_so(events: pl.LazyFrame, messages: list[Message]):
    born, windows = {}, defaultdict(deque)
    for group, time, _, who, is_bot in sorted(messages, key=lambda message: message[1]):
        if is_bot or group in born:
            continue
        window = windows[group]
        window.append((time, who))
        while time - window[0][0] >= dt.timedelta(minutes=20):
            window.popleft()
        if len(window) >= 4 and len({each for _, each in window}) >= 3:
            born[group] = time
    assert born
    assert dict(births(events).collect().rows()) == born


@pytest.fixture(scope="module")
def states(events: pl.LazyFrame) -> pl.DataFrame:
    """The spells of every group."""
    groups = group_table(events, births(events))
    life = life_days(
        group_day(events), person_day(events), feed_day(events), groups, THROUGH, ZONE, LifeRules()
    ).lazy()  # fmt: skip
    return group_state(life).collect()


def test_states_alone_foretell_deaths(events: pl.LazyFrame, states: pl.DataFrame):
    days = person_day(events).collect().lazy()
    watched = history(days, THROUGH)
    known = {
        name: worth(pl.concat(entered(states.lazy(), state) for state in among), watched, deaths(days, watched))
        for name, among in {"dying": ["dying"], "either": ["declining", "dying"]}.items()
    }
    assert known["dying"].deaths == 161
    assert known["dying"].recall == pytest.approx(0.714, abs=0.02)
    assert known["dying"].precision == pytest.approx(0.698, abs=0.02)
    assert known["either"].recall == pytest.approx(0.714, abs=0.02)
    assert known["either"].precision == pytest.approx(0.587, abs=0.02)
    assert known["either"].early == pytest.approx(0.671, abs=0.02)


def test_groups_die_and_revive_when_their_gaps_say_so(
    events: pl.LazyFrame, messages: list[Message], states: pl.DataFrame
):
    born = dict(births(events).collect().rows())
    active = defaultdict(set)
    for group, time, day, _, is_bot in messages:
        if not is_bot and group in born and time >= born[group] and day <= THROUGH:
            active[group].add(day)
    died = {
        (group, day + 28 * A_DAY, back)
        for group, days in active.items()
        for day, back in zip(sorted(days), [*sorted(days)[1:], None], strict=True)
        if ((back or THROUGH + A_DAY) - day).days > 28
    }
    dead = states.filter(pl.col("state") == "dead").select("group_id", "since", "until")
    assert died
    assert set(dead.rows()) == died
