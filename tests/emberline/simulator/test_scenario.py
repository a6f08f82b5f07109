"""What a scenario may ask for."""

import pytest

from emberline.simulator import Scenario, ScenarioError, simulate


@pytest.mark.parametrize(
    ("wish", "told"),
    [
        ({"late": 1.5}, "late is 1.5"),
        ({"days": 30}, "at least 98"),
        ({"groups": 4}, "at least 8"),
        ({"members": 100}, "at least 400"),
        ({"dying": 0.9, "ending": 0.1}, "at least two that live"),
        ({"carriers": ("wecom",)}, "at least two"),
        ({"silent_carrier": "fax"}, "'fax' is none of"),
        ({"seed": -1}, "0 or more"),
        ({"outage_days": 40}, "0 to 14"),
        ({"chatter": -1.0}, "0 or more"),
    ],
)
def test_a_world_whose_truth_could_not_be_known_is_refused(wish: dict, told: str):
    with pytest.raises(ScenarioError, match=told):
        Scenario(**wish)


def test_a_size_below_the_smallest_world_is_refused():
    with pytest.raises(ScenarioError, match="too few"):
        Scenario.sized(1000)


def test_a_world_without_faults_has_only_events():
    calm = Scenario(days=98, groups=8, members=80, duplicates=0, conflicts=0, late=0, broken=0, refunds=0)
    counts = simulate(calm).truth.counts
    assert counts["records"] == counts["events"]
