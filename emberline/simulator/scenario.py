"""What a simulated company looks like: every knob of the simulator, and the limits within which its truth holds."""

from __future__ import annotations

import dataclasses
import datetime as dt
from dataclasses import dataclass
from typing import Final, Self

LEAST_DAYS: Final = 98
LEAST_MEMBERS_A_GROUP: Final = 10
LEAST_GROUPS: Final = 8

_EVENTS_A_MEMBER: Final = 33.0
_MEMBERS_A_GROUP: Final = 75
_SHARES: Final = (
    "duplicates", "conflicts", "late", "broken", "dying", "ending", "never_born", "broadcast_only", "pausing",
    "second_group", "unseen_joins", "activation", "retention", "exposure", "click", "order", "payment", "repurchase",
    "refunds", "revival",
)  # fmt: skip


class ScenarioError(ValueError):
    """A scenario asks for a world whose truth could not be known."""


@dataclass(frozen=True)
class Scenario:
    """A simulated company. Shares are between 0 and 1; the same scenario always gives the same bytes.

    Attributes:
        seed: What chance is drawn from.
        start: First simulated day of the business zone.
        days: How many days are simulated.
        groups: Chat groups, over all carriers.
        members: Persons with a home group; some have an account on a second carrier.
        zone: IANA name of the business zone.
        carriers: Platforms that carry the groups.
        silent_carrier: The carrier whose feed stops `outage_days` before the end; None: all feeds live.
        outage_days: How long that feed has been silent at the end.
        chatter: Messages and reactions a day of an average retained member.
        activation: Members who speak within 7 days, of those who join. The next rates go on from step to step of
            the standard funnel: `retention`, `exposure`, `click`, `order`, `payment`, `repurchase`. Persons for whom
            a step no longer fits into the life of their group go less far, so the outcome is a little lower.
        refunds: Paid orders with a refund.
        dying: Groups that fall silent. `ending` ones have a planned end, in `never_born` ones at most two members
            speak, in `broadcast_only` ones none, `pausing` ones pause for weeks again and again; the others live.
        revival: How often a pause ends because an operator writes. Offers are noted for pausing groups, too, and never
            end a pause.
        second_group: Members who join a second group, perhaps on another carrier.
        unseen_joins: Members of living groups whose join has no event.
        duplicates: Exact copies sent again, as a share of events; `conflicts` are later copies with another body.
        late: Events delivered 1 to 40 days after they happened.
        broken: Records that are no valid event, as a share of events.
    """

    seed: int = 7
    start: dt.date = dt.date(2025, 1, 6)
    days: int = 182
    groups: int = 40
    members: int = 3000
    zone: str = "Asia/Shanghai"
    carriers: tuple[str, ...] = ("wecom", "wechat", "qq", "telegram", "discourse")
    silent_carrier: str | None = "discourse"
    outage_days: int = 3
    chatter: float = 1.4
    activation: float = 0.7
    retention: float = 0.65
    exposure: float = 0.9
    click: float = 0.55
    order: float = 0.6
    payment: float = 0.85
    repurchase: float = 0.4
    refunds: float = 0.1
    dying: float = 0.25
    ending: float = 0.1
    never_born: float = 0.05
    broadcast_only: float = 0.05
    pausing: float = 0.0
    revival: float = 0.5
    second_group: float = 0.15
    unseen_joins: float = 0.04
    duplicates: float = 0.01
    conflicts: float = 0.0005
    late: float = 0.01
    broken: float = 0.005

    def __post_init__(self) -> None:
        """Refuse what cannot be simulated.

        Raises:
            ScenarioError: A share is outside [0, 1], or the world is too small or too short for its plan.
        """
        for name in _SHARES:
            share = getattr(self, name)
            if not 0 <= share <= 1:
                raise ScenarioError(f"Scenario.{name} is {share}: give a share between 0 and 1.")
        if self.seed < 0:
            raise ScenarioError(f"Scenario.seed is {self.seed}: give 0 or more.")
        if self.chatter < 0:
            raise ScenarioError(f"Scenario.chatter is {self.chatter}: give 0 or more.")
        if self.days < LEAST_DAYS:
            raise ScenarioError(f"Scenario.days is {self.days}: a group's life needs at least {LEAST_DAYS} days.")
        if self.groups < LEAST_GROUPS:
            raise ScenarioError(f"Scenario.groups is {self.groups}: each fate needs one, give at least {LEAST_GROUPS}.")
        if self.groups - sum(self.fated) < 2:
            raise ScenarioError(
                f"dying, ending, never_born, broadcast_only, pausing take {sum(self.fated)} of {self.groups} groups: "
                "leave at least two that live."
            )
        if self.members < LEAST_MEMBERS_A_GROUP * self.groups:
            raise ScenarioError(
                f"{self.members} members are too few for {self.groups} groups: "
                f"give at least {LEAST_MEMBERS_A_GROUP * self.groups}."
            )
        if len(self.carriers) < 2 or len(set(self.carriers)) < len(self.carriers):
            raise ScenarioError(f"Scenario.carriers is {self.carriers}: give at least two, each once.")
        if self.silent_carrier is not None and self.silent_carrier not in self.carriers:
            raise ScenarioError(f"silent_carrier {self.silent_carrier!r} is none of the carriers {self.carriers}.")
        if not 0 <= self.outage_days <= 14:
            raise ScenarioError(f"Scenario.outage_days is {self.outage_days}: give 0 to 14.")

    @property
    def fated(self) -> tuple[int, ...]:
        """How many groups die, end, are never born, only hear broadcasts, pause; at least one of a share above 0."""
        shares = (self.dying, self.ending, self.never_born, self.broadcast_only, self.pausing)
        return tuple(int(max(share > 0, round(share * self.groups))) for share in shares)

    @classmethod
    def sized(cls, events: int, seed: int = 7) -> Self:
        """A scenario with about `events` events: half a year, or the shortest span if so few would be heartbeats only.

        Raises:
            ScenarioError: `events` are fewer than the heartbeats and the least number of members make.
        """
        base = cls(seed=seed)
        days = base.days if events >= 60_000 else LEAST_DAYS
        heartbeats = 24 * days * (len(base.carriers) + 1)
        members = int((events - heartbeats) / (_EVENTS_A_MEMBER * days / base.days))
        if members < LEAST_MEMBERS_A_GROUP * LEAST_GROUPS:
            raise ScenarioError(
                f"{events} events are too few for a world of {LEAST_DAYS} days: ask for at least 16000."
            )
        groups = max(LEAST_GROUPS, members // _MEMBERS_A_GROUP)
        return dataclasses.replace(base, days=days, members=members, groups=groups)
