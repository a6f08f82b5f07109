"""Small worlds: the default one, and one with daylight saving whose weeks begin in mid week."""

import datetime as dt

import pytest

from emberline.simulator import Scenario, World, simulate
from tests.emberline.simulator.decoded import Event, distinct

SMALL = Scenario(days=98, groups=12, members=420)
SCENARIOS = {
    "small": SMALL,
    "daylight saving": Scenario(
        seed=3, start=dt.date(2025, 2, 5), days=112, groups=10, members=400, zone="Europe/Berlin", silent_carrier=None
    ),
    "everyone buys": Scenario(
        seed=11, days=120, groups=12, members=400, activation=1.0, retention=0.9, exposure=1.0, click=0.9, order=0.9,
        second_group=0.6, refunds=0.6, pausing=0.2,
    ),
}  # fmt: skip


@pytest.fixture(scope="session", params=SCENARIOS)
def scenario(request: pytest.FixtureRequest) -> Scenario:
    return SCENARIOS[request.param]


@pytest.fixture(scope="session")
def world(scenario: Scenario) -> World:
    return simulate(scenario)


@pytest.fixture(scope="session")
def events(world: World) -> list[Event]:
    return distinct(world)
