"""Cases and what they are compared with, by a search through all groups and days."""

from __future__ import annotations

from collections import defaultdict
from math import log

from tests.pipelines.groups.interventions.world import DAYS, World

Place = tuple[str, int]
RATIOS = {"silent": 2.0, "lately": 4.0, "so_far": 5.0, "age": 3.0}
LOOSE_RATIOS = {"silent": 4.0, "lately": 16.0}


def need(world: World, place: Place) -> str | None:
    """What a group was in need of when the day began."""
    group, day = place
    states = world.states[group]
    if not 1 <= day <= DAYS or "alive" not in states:
        return None
    state = states[day - 1]
    if state in {"declining", "dying", "dead"}:
        return state
    return "silent" if state in {"alive", "revived"} and silent(world, place) >= 7 else None


def silent(world: World, place: Place) -> int:
    group, day = place
    return day - 1 - max((at for at, _ in world.said[group] if at < day), default=day - 1)


def known(world: World, place: Place) -> dict[str, float]:
    group, day = place
    said = world.said[group].items()
    return {
        "silent": silent(world, place),
        "lately": sum(count for (at, _), count in said if day - 28 <= at < day),
        "so_far": sum(count for (at, _), count in said if at < day),
        "age": day - world.states[group].index("alive"),
    }


def is_case(world: World, place: Place, action: str) -> bool:
    group, day = place
    days = {at for at, _, what in world.done[group] if what == action}
    return day in days and not days & set(range(day - 28, day)) and need(world, place) is not None


def others(world: World, place: Place, action: str) -> set[str]:
    group, day = place
    return {what for at, _, what in world.done[group] if what != action and day - 7 < at <= day}


def was_active(world: World, place: Place, hour: int) -> bool:
    group, day = place
    return any(at == day and when < hour for at, when in world.said[group])


def risk(world: World, place: Place) -> float | None:
    group, day = place
    told = {at: value for at, value in world.risk[group].items() if day - 7 <= at < day}
    return told[max(told)] if told else None


def distance(world: World, case: Place, other: Place, action: str, hour: int, *, is_loose: bool) -> float | None:
    """How unlike two places are; None: too much."""
    if need(world, case) != need(world, other) or was_active(world, case, hour) != was_active(world, other, hour):
        return None
    if not is_loose:
        same_others = others(world, case, action) == others(world, other, action)
        if world.purpose[case[0]] != world.purpose[other[0]] or not same_others:
            return None
    one, two = known(world, case), known(world, other)
    ratios = LOOSE_RATIOS if is_loose else RATIOS
    unlike = [abs(log((one[name] + 1) / (two[name] + 1))) / log(most) for name, most in ratios.items()]
    risks = [one for one in (risk(world, case), risk(world, other)) if one is not None]
    if len(risks) == 2:
        unlike.append(abs(risks[0] - risks[1]) / (0.2 if is_loose else 0.1))
    return None if any(part > 1 + 1e-12 for part in unlike) else sum(part**2 for part in unlike)


def comparisons(world: World, case: Place, action: str, *, is_loose: bool = False) -> list[Place]:
    group, day = case
    hour = min(at for when, at, what in world.done[group] if (when, what) == (day, action))
    found = []
    if day - 1 in world.untold:
        return []
    for ago in (0, 7, 14):
        other_day = day - ago
        near = []
        for other in world.states:
            treated = {at for at, _, what in world.done[other] if what == action}
            is_untreated = not treated & set(range(other_day - 28, other_day + 1))
            if other == group or not is_untreated or need(world, (other, other_day)) is None:
                continue
            if other_day - 1 in world.untold:
                continue
            far = distance(world, case, (other, other_day), action, hour, is_loose=is_loose)
            if far is not None:
                near.append((round(far, 9), other))
        found += [(other, other_day) for _, other in sorted(near)[:3]]
    return found


def spells(world: World, case: Place, action: str) -> dict[tuple[Place, int, int, bool], float]:
    """The weights of spells of untreated groups: place, first and last day, and whether it is the last spell."""
    found: dict[tuple[Place, int, int, bool], float] = defaultdict(float)
    places = comparisons(world, case, action)
    rest = [(place, place[1] + 1, place[1] + 28, 1 / len(places), 0) for place in places]
    while rest:
        place, since, until, weight, times = rest.pop()
        group, day = place
        treated = min((at for at, _, what in world.done[group] if what == action and day < at <= until), default=None)
        onward: list[Place] = []
        if treated is not None and times < 4 and is_case(world, (group, treated), action):
            again = (group, treated)
            onward = comparisons(world, again, action) or comparisons(world, again, action, is_loose=True)
        onward = [other for other in onward if other[0] != case[0]]
        if treated is None or not onward:
            found[place, since, until, True] += weight
            continue
        if since < treated:
            found[place, since, treated - 1, False] += weight
        left = until - treated
        rest += [(other, other[1], other[1] + left, weight / len(onward), times + 1) for other in onward]
    return found


def matched(world: World, through: int) -> set[tuple[object, ...]]:
    """Rows as `matched_cases` has them, days as numbers and weights rounded."""

    def is_alive(group: str, day: int) -> bool | None:
        return None if day in world.untold else world.states[group][day] == "alive"

    rows = set()
    for group, done in world.done.items():
        for day, action in {(day, action) for day, _, action in done}:
            case = (group, day)
            if day > through - 28 or not is_case(world, case, action):
                continue
            rows |= {
                (
                    action, world.purpose[group], *case, is_alive(group, day + 28), *place, since, until, is_last,
                    is_alive(place[0], until) if is_last else None, round(weight, 9),
                )
                for (place, since, until, is_last), weight in spells(world, case, action).items()
            }  # fmt: skip
    return rows
