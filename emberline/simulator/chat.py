"""What members say and do in their groups: joining, leaving, talk, reactions, red packets."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from emberline.simulator.clock import DAY, MINUTE, NEVER, SECOND, Calendar, Instants, within
from emberline.simulator.company import BURST, Company
from emberline.simulator.pauses import Course, between_pauses
from emberline.simulator.people import ACTIVATED, JOINED, RETAINED, People
from emberline.simulator.rows import accounts, rows
from emberline.simulator.scenario import Scenario
from emberline.simulator.staff import RED_PACKET_HOUR, red_packet_days, staff_minute
from schemas import kinds

_KINDS: Final = pl.Series(["text", "image", "voice", "video", "file", "link", "other"])
_KIND_SHARES: Final = np.array([0.80, 0.10, 0.03, 0.02, 0.01, 0.03, 0.01])
_REACTIONS: Final = 0.14
_REPLIES: Final = 0.25
_PULSE: Final = 7 * DAY
_FADED: Final = 4.0


def activity(
    scenario: Scenario, calendar: Calendar, company: Company, people: People, course: Course, rng: np.random.Generator
) -> pl.DataFrame:
    """All that counts as activity, sorted by group and time: person, group, time, is_message."""
    everyone = np.arange(people.size)
    founding = np.flatnonzero(people.founder == 0)
    founded = people.home[founding]
    spells = [
        _at(everyone, people.home, people.activated),
        _at(everyone, people.home, people.retained),
        _at(everyone, people.home, people.late_word),
        _at(everyone, people.home, np.where(people.unseen, people.joined, NEVER), is_message=True),
        _at(everyone, people.second, people.second_spoke),
        _at(founding, founded, company.burst[founded] + BURST[-1], is_message=True),
        _at(founding, founded, np.where(company.has_fate("dies")[founded], company.quiet[founded] - 1, NEVER)),
        _pulse(calendar, company, people, rng),
        _first_week(calendar, company, people, rng),
        _talk(scenario, calendar, company, people, rng),
        _at(*between_pauses(calendar, company, people, course)),
    ]
    frame = pl.concat(spells)
    reacts = pl.Series(rng.random(frame.height) < _REACTIONS)
    # A group is born by messages: its founders' first words are none but messages.
    first = pl.Series(people.founder >= 0).gather(frame["person"])
    founders_word = first & (frame["time"] <= pl.Series(company.ready).gather(frame["group"]))
    is_message = frame["is_message"] | founders_word | ~reacts
    return frame.with_columns(is_message=is_message).sort("group", "time", "person")


def said(company: Company, carriers: pl.Series, frame: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Events of the activity: messages, some of them replies; reactions to the message before; second thoughts."""
    n = frame.height
    number = pl.int_range(n, eager=True).cast(pl.String)
    own = pl.when(frame["is_message"]).then(pl.lit("simulated-message-") + number).alias("own")
    group = frame["group"].to_numpy()
    on = carriers.gather(company.carrier[group])
    sent = pl.select(
        own,
        group=frame["group"],
        time=frame["time"],
        is_message=frame["is_message"],
        carrier=on,
        group_id=company.ids.gather(group),
        member_id=accounts(on, frame["person"].to_numpy()),
        message_kind=_KINDS.gather(rng.choice(len(_KINDS), n, p=_KIND_SHARES)),
        replies=pl.Series(rng.random(n) < _REPLIES),
        text_length=pl.Series(1 + rng.geometric(0.04, n)),
        mentions=pl.Series(rng.binomial(1, 0.08, n)),
    ).with_columns(
        before=pl.col("own").shift(1).forward_fill().over("group").fill_null("simulated-message-unseen"),
        role=pl.lit("member"),
    )
    messages = sent.filter("is_message").select(
        "time", "carrier", "group_id", "member_id", "role", "message_kind", "mentions",
        message_id="own",
        reply_to=pl.when("replies").then("before"),
        text_length=pl.when(pl.col("message_kind") == "text").then("text_length"),
        links=(pl.col("message_kind") == "link").cast(pl.Int64),
        type=pl.lit(kinds.MESSAGE_SENT),
    )  # fmt: skip
    reactions = sent.filter(~pl.col("is_message")).select(
        "time", "carrier", "group_id", "member_id", "role", message_id="before", type=pl.lit(kinds.REACTION_ADDED)
    )
    thoughts = [
        _second_thought(messages, company, kinds.MESSAGE_EDITED, 0.012, ("text_length",), rng),
        _second_thought(messages, company, kinds.MESSAGE_RECALLED, 0.006, (), rng),
        _second_thought(reactions, company, kinds.REACTION_REMOVED, 0.05, (), rng),
    ]
    return pl.concat([messages, reactions, *thoughts], how="diagonal")


def comings_and_goings(company: Company, carriers: pl.Series, people: People) -> pl.DataFrame:
    """Joining and leaving of the home group and of second groups."""

    def moves(kind: str, group: npt.NDArray[np.int64], time: Instants) -> pl.DataFrame:
        who = np.flatnonzero(time != NEVER)
        on = carriers.gather(company.carrier[group[who]])
        return rows(
            kind, on, time[who], member_id=accounts(on, who), role="member", group_id=company.ids.gather(group[who])
        )

    return pl.concat([
        moves(kinds.MEMBER_JOINED, people.home, np.where(people.unseen, NEVER, people.joined)),
        moves(kinds.MEMBER_LEFT, people.home, people.left),
        moves(kinds.MEMBER_JOINED, people.home, people.rejoined),
        moves(kinds.MEMBER_JOINED, people.second, people.second_joined),
    ])  # fmt: skip


def red_packets(
    calendar: Calendar, company: Company, carriers: pl.Series, people: People, rng: np.random.Generator
) -> pl.DataFrame:
    """Bursts of activity around the operators' red packets, also in dead groups, where they must not count as life."""
    silent = np.flatnonzero((people.level == JOINED) & (people.left == NEVER) & ~people.unseen)
    given = red_packet_days(calendar)
    who = np.repeat(silent, len(given))
    day = np.tile(given, len(silent))
    group = people.home[who]
    given_at = calendar.midnights[day] + staff_minute(RED_PACKET_HOUR, group)
    time = within(rng, given_at + SECOND, given_at + 3 * MINUTE)
    there = (time > people.joined[who]) & (time < company.staffed[group]) & (rng.random(len(who)) < 0.15)
    who, group, time = who[there], group[there], time[there]
    on = carriers.gather(company.carrier[group])
    kind = pl.Series(np.where(rng.random(len(who)) < 0.85, "red_packet", "broadcast"))
    return rows(
        kinds.MESSAGE_SENT, on, time, member_id=accounts(on, who), role="member", group_id=company.ids.gather(group),
        message_id="simulated-packet-" + pl.int_range(len(who), eager=True).cast(pl.String), message_kind=kind,
    )  # fmt: skip


def _at(
    person: npt.NDArray[np.int64], group: npt.NDArray[np.int64], time: Instants, is_message: bool = False
) -> pl.DataFrame:
    frame = pl.DataFrame({"person": person, "group": group, "time": time})
    return frame.filter(pl.col("time") != NEVER).with_columns(is_message=pl.lit(is_message))


def _pulse(calendar: Calendar, company: Company, people: People, rng: np.random.Generator) -> pl.DataFrame:
    """The first founder speaks every week: no group is silent for 28 days before its time."""
    founder = np.flatnonzero(people.founder == 0)
    weeks = calendar.days // 7
    person = np.repeat(founder, weeks)
    low = people.retained[person] + SECOND
    high = company.quiet[people.home[person]]
    time = low + np.tile(np.arange(weeks), len(founder)) * _PULSE + rng.integers(0, DAY, len(person))
    time = calendar.in_rhythm(rng, np.minimum(time, NEVER), low, high) if len(time) else time
    return _at(person, people.home[person], np.where(time < high, time, NEVER))


def _first_week(calendar: Calendar, company: Company, people: People, rng: np.random.Generator) -> pl.DataFrame:
    """Further messages in the week of activation."""
    speakers = np.flatnonzero(people.level >= ACTIVATED)
    person = np.repeat(speakers, rng.poisson(1.2, len(speakers)))
    start = people.activated[person]
    low = np.where(people.founder[person] >= 0, company.ready[people.home[person]], start) + SECOND
    high = np.minimum(calendar.week_end(start), np.minimum(company.quiet[people.home[person]], people.left[person]))
    time = within(rng, low, high)
    return _at(person, people.home[person], np.where(low < high, calendar.in_rhythm(rng, time, low, high), NEVER))


def _talk(
    scenario: Scenario, calendar: Calendar, company: Company, people: People, rng: np.random.Generator
) -> pl.DataFrame:
    """Messages of retained members until they lose interest; they become fewer in dying groups."""
    who = np.flatnonzero(people.level >= RETAINED)
    interest = people.retained[who] + (rng.exponential(70 * DAY, len(who))).astype(np.int64)
    interest = np.where(people.founder[who] >= 0, NEVER, interest)
    until = np.minimum(np.minimum(company.quiet[people.home[who]], people.left[who]), interest)
    low = people.retained[who] + SECOND
    span = np.maximum(until - low, 0)
    words = rng.poisson(span / DAY * scenario.chatter * rng.lognormal(-0.5, 1.0, len(who)))
    person, low, high = np.repeat(who, words), np.repeat(low, words), np.repeat(until, words)
    time = within(rng, low, high)
    group = people.home[person]
    fades_from = np.minimum(company.decay[group], company.quiet[group] - 1)
    faded = np.clip((time - fades_from) / (company.quiet[group] - fades_from), 0, 1)
    kept = rng.random(len(time)) < calendar.weekday_weight(time) * np.exp(-_FADED * faded)
    person, time, low, high = person[kept], time[kept], low[kept], high[kept]
    return _at(person, people.home[person], calendar.in_rhythm(rng, time, low, high))


def _second_thought(
    events: pl.DataFrame, company: Company, kind: str, share: float, fields: tuple[str, ...], rng: np.random.Generator
) -> pl.DataFrame:
    """A share of the events is recalled or edited within minutes, if the feed has not ended by then."""
    wanted = min(events.height, max(1, round(share * events.height)))
    chosen = events[np.sort(rng.choice(events.height, wanted, replace=False))]
    delay = pl.Series(rng.integers(5, 600, chosen.height)) * SECOND
    feed = pl.DataFrame({"group_id": company.ids, "feed": company.feed})
    return (
        chosen.with_columns(time=pl.col("time") + delay, type=pl.lit(kind))
        .join(feed, on="group_id", maintain_order="left")
        .filter(pl.col("time") < pl.col("feed"))
        .select("time", "carrier", "type", "group_id", "member_id", "role", "message_id", *fields)
    )
