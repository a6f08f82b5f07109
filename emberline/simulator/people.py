"""The members, each with the level of the standard funnel that the plan lets them reach in their home group.

Why a plan gives exactly its level (docs/definitions.md#funnel; the tests count by brute force):

- Level 1 joins and does not speak within 7 days. Level 2 speaks, but in its home group never in a later calendar week.
- Level 3 is active in a later week and then sees no product message: its groups send none, or it leaves first.
- From level 4 on the next product message exposes the member, who then clicks, orders, pays and pays again (`buying`).
- Whatever else a member does is either later than the window allows, or belongs to a step beyond one that is missing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from emberline.simulator.clock import DAY, HOUR, MINUTE, NEVER, SECOND, Calendar, Flags, Instants, after, within
from emberline.simulator.company import BURST, FOUNDERS, Company
from emberline.simulator.products import ProductMessages
from emberline.simulator.scenario import Scenario

Index = npt.NDArray[np.int64]

JOINED: Final = 1
ACTIVATED: Final = 2
RETAINED: Final = 3
EXPOSED: Final = 4
CLICKED: Final = 5
ORDERED: Final = 6
PAID: Final = 7
REPURCHASED: Final = 8
WINDOW: Final = 60 * DAY

ACTIVATION_LIMIT: Final = 7 * DAY
RETENTION_LIMIT: Final = 10 * DAY
CLICK_LIMIT: Final = 5 * DAY
ORDER_LIMIT: Final = 4 * DAY
PAYMENT_LIMIT: Final = DAY
REPURCHASE_LIMIT: Final = 12 * DAY

# What a level needs of the home group's life, and of the simulated time, after joining. A member is active again at
# most 24 days after joining (7 to speak, 7 to the end of that week, 10 more) and exposed at most 4 days later.
_GROUP_NEED: Final = np.array([0, 0, 8, 31, 31, 31, 31, 31, 31]) * DAY
_TIME_NEED: Final = np.array([0, 0, 8, 31, 31, 36, 41, 42, 56]) * DAY


@dataclass(frozen=True)
class People:
    """Arrays over persons. Instants in microseconds, `NEVER` where something does not happen.

    Attributes:
        home: Index of the home group.
        level: Steps of the standard funnel that the person reaches.
        founder: 0 to 2 for the first members of a group that is born, -1 for others.
        joined, activated, retained, exposed: When the first four steps happen in the home group.
        offer: Index of the product message that exposes; -1 for none.
        left: When the person leaves the home group; `rejoined`: when it comes back, silent.
        late_word: A single word too late to count: past activation, or past the window.
        unseen: The join has no event, so the first message counts as the join.
        second: Index of a second group; -1 for none. `second_joined`, `second_spoke`: what happens there.
    """

    home: Index
    level: Index
    founder: Index
    joined: Instants
    activated: Instants
    retained: Instants
    exposed: Instants
    offer: Index
    left: Instants
    rejoined: Instants
    late_word: Instants
    unseen: Flags
    second: Index
    second_joined: Instants
    second_spoke: Instants

    @property
    def size(self) -> int:
        """How many persons there are."""
        return len(self.home)

    @property
    def entered(self) -> Instants:
        """First step of the person's best chain: the longest, among equals the one that starts last."""
        latest = self.joined.copy()
        for other in (self.rejoined, self.second_joined):
            latest = np.where((self.level == JOINED) & (other != NEVER), np.maximum(latest, other), latest)
        again = (self.level == ACTIVATED) & (self.second_spoke != NEVER)
        return np.where(again, self.second_joined, latest)

    def on_two_carriers(self, company: Company) -> Flags:
        """Who has an account on a second carrier."""
        return (self.second >= 0) & (company.carrier[self.second] != company.carrier[self.home])


def plan(
    scenario: Scenario, calendar: Calendar, company: Company, offers: ProductMessages, rng: np.random.Generator
) -> People:
    """Draw the members of all groups."""
    home, founder = _homes(scenario, company, rng)
    n = len(home)
    level = _levels(scenario, company, home, founder, rng)

    low, high = company.ready[home], company.grows[home]
    deadline = np.minimum(company.quiet[home] - _GROUP_NEED[level], calendar.end - DAY - _TIME_NEED[level])
    level = np.where((level > JOINED) & (deadline <= low), JOINED, level)
    high = np.where(level > JOINED, deadline, high)
    even = low + ((high - low) * rng.random(n) ** 1.4).astype(np.int64)
    joined = calendar.in_rhythm(rng, even, low, high)
    unseen = (rng.random(n) < scenario.unseen_joins) & company.has_fate("lives")[home] & (founder < 0)

    activated = after(rng, joined, DAY, ACTIVATION_LIMIT)
    activated = calendar.in_rhythm(rng, activated, joined + SECOND, joined + ACTIVATION_LIMIT)
    first = founder >= 0
    joined[first] = company.created[home[first]] + (5 + founder[first]) * MINUTE
    activated[first] = company.burst[home[first]] + BURST[founder[first]]
    activated = np.where(level >= ACTIVATED, activated, NEVER)

    next_week = calendar.week_end(np.where(level >= RETAINED, activated, calendar.begin))
    retained = after(rng, next_week, 2 * DAY, RETENTION_LIMIT)
    retained = calendar.in_rhythm(rng, retained, next_week, next_week + RETENTION_LIMIT)
    retained = np.where(level >= RETAINED, retained, NEVER)

    next_offer = np.where(level >= RETAINED, offers.next(home, retained), -1)
    people = People(
        home=home, level=level, founder=founder, joined=joined, activated=activated, retained=retained,
        exposed=np.where(level >= EXPOSED, offers.time_of(next_offer), NEVER),
        offer=np.where(level >= EXPOSED, next_offer, -1),
        left=np.full(n, NEVER), rejoined=np.full(n, NEVER), late_word=np.full(n, NEVER), unseen=unseen,
        second=np.full(n, -1), second_joined=np.full(n, NEVER), second_spoke=np.full(n, NEVER),
    )  # fmt: skip
    people = _with_second_group(people, scenario, company, rng)
    people = _with_leaving(people, calendar, company, offers.time_of(next_offer), rng)
    return _with_late_word(people, company, rng)


def _homes(scenario: Scenario, company: Company, rng: np.random.Generator) -> tuple[Index, Index]:
    """Home groups, founders first; and the founders' rank."""
    born = np.flatnonzero(company.is_born)
    founders = np.repeat(born, FOUNDERS)
    others = rng.choice(company.size, size=scenario.members - len(founders), p=company.weight / company.weight.sum())
    rank = np.concatenate([np.tile(np.arange(FOUNDERS), len(born)), np.full(len(others), -1)])
    return np.concatenate([founders, others]), rank


def _levels(scenario: Scenario, company: Company, home: Index, founder: Index, rng: np.random.Generator) -> Index:
    """Levels by the scenario's rates, as far as the home group allows."""
    rates = np.array([
        scenario.activation, scenario.retention, scenario.exposure, scenario.click, scenario.order, scenario.payment,
        scenario.repurchase,
    ])  # fmt: skip
    level = 1 + np.cumprod(rng.random((len(home), len(rates))) < rates, axis=1).sum(axis=1)
    sells = company.sells[home]
    level = np.where(sells, level, np.minimum(level, RETAINED))
    level = np.where(founder >= 0, np.where(sells, np.maximum(level, EXPOSED), RETAINED), level)
    unborn = ~company.is_born[home]
    # Two speakers cannot make a group be born, whatever they say.
    speaks = company.has_fate("never_born")[home] & (_rank_in_group(home) < 2)
    return np.where(unborn, np.where(speaks, ACTIVATED, JOINED), level)


def _rank_in_group(home: Index) -> Index:
    """How many persons of the same group stand before each person."""
    order = np.argsort(home, kind="stable")
    starts = np.searchsorted(home[order], home[order])
    rank = np.empty_like(home)
    rank[order] = np.arange(len(home)) - starts
    return rank


def _with_second_group(people: People, scenario: Scenario, company: Company, rng: np.random.Generator) -> People:
    """Some join a living group too, and speak there in one week only: no step of their chain moves."""
    n = people.size
    living = np.flatnonzero(company.has_fate("lives"))
    calm = living[~company.sells[living]]
    second = rng.choice(living, n)
    if len(calm):
        second = np.where(people.level == RETAINED, rng.choice(calm, n), second)
    unmoved = (people.level != RETAINED) | ~company.sells[second]
    settled = np.select(
        [people.level >= RETAINED, people.level == ACTIVATED], [people.retained, people.activated], people.joined
    )
    joined = after(rng, np.maximum(settled + DAY, company.ready[second]), 8 * DAY, 30 * DAY)
    chosen = (rng.random(n) < scenario.second_group) & (people.founder < 0) & (second != people.home) & unmoved
    chosen &= joined < company.feed[second] - 8 * DAY
    spoke = after(rng, joined, DAY, ACTIVATION_LIMIT)
    speaks = chosen & (people.level >= ACTIVATED) & (rng.random(n) < 0.5)
    return replace(
        people,
        second=np.where(chosen, second, -1),
        second_joined=np.where(chosen, joined, NEVER),
        second_spoke=np.where(speaks, spoke, NEVER),
    )


def _with_leaving(
    people: People, calendar: Calendar, company: Company, next_offer: Instants, rng: np.random.Generator
) -> People:
    """Some leave when their chain in the group is over; those of level 3 in selling groups before the next offer."""
    n, level = people.size, people.level
    spoken = calendar.week_end(np.where(level == ACTIVATED, people.activated, calendar.begin))
    settled = np.select(
        [level >= EXPOSED, level == RETAINED, level == ACTIVATED],
        [people.exposed, people.retained, spoken],
        people.joined,
    )
    leaves = rng.random(n) < np.array([0.0, 0.25, 0.3, 0.15, 0.2, 0.2, 0.15, 0.1, 0.05])[level]
    left = np.where(leaves & (people.founder < 0), after(rng, settled, 25 * DAY, 120 * DAY), NEVER)
    left = np.where(left < company.feed[people.home], left, NEVER)
    evades = (level == RETAINED) & (next_offer != NEVER)
    left = np.where(evades, people.retained + (next_offer - people.retained) // 2, left)

    back = after(rng, np.where(left == NEVER, calendar.begin, left), 5 * DAY, 30 * DAY)
    returns = (left != NEVER) & (level <= ACTIVATED) & ~people.unseen & (rng.random(n) < 0.25)
    # Coming back between joining and speaking in a second group would begin a chain of its own.
    returns &= (people.second < 0) & (back < company.feed[people.home])
    return replace(people, left=left, rejoined=np.where(returns, back, NEVER))


def _with_late_word(people: People, company: Company, rng: np.random.Generator) -> People:
    """Some speak up too late: a week after joining without a word, or past the window."""
    too_late = np.where(people.level == JOINED, people.joined + 8 * DAY, people.joined + WINDOW + DAY)
    word = after(rng, too_late, 5 * DAY, 20 * DAY)
    alone = (people.left == NEVER) & (people.second < 0) & company.is_born[people.home]
    chosen = (people.level <= ACTIVATED) & alone & (word < company.quiet[people.home]) & (rng.random(people.size) < 0.3)
    return replace(people, late_word=np.where(chosen, word, NEVER))


def noise_instants(people: People, end: int, rng: np.random.Generator) -> tuple[Instants, Instants]:
    """Per person `(low, high)` between which clicks and orders cannot raise the level; empty where `low >= high`.

    Up to level 3 that is any time after joining, as no exposure follows. Others: before they were active again,
    or after the window.
    """
    free = people.level <= RETAINED
    early = rng.random(people.size) < 0.5
    low = np.where(free | early, people.joined + HOUR, people.joined + WINDOW + DAY)
    high = np.where(free | ~early, end - 2 * DAY, people.retained)
    return low, high


def drawn(rng: np.random.Generator, low: Instants, high: Instants, share: float) -> tuple[Index, Instants]:
    """A share of the persons whose span is not empty, and an instant in each one's span."""
    chosen = np.flatnonzero((rng.random(len(low)) < share) & (low < high))
    return chosen, within(rng, low[chosen], high[chosen])
