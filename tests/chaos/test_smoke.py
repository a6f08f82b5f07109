"""A short session of chaos; `make chaos` is the long one."""

import pytest

from tests.chaos.session import Plan, run


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_half_a_minute_of_chaos_loses_nothing_doubles_nothing_and_needs_nobody():
    faults = ("run killed", "daemon killed", "broker killed", "database crashed")
    result = run(Plan(minutes=0.5, rate=50, seed=7, gap=(1, 4), faults=faults, at_least=len(faults)), print)
    assert not result.findings, "\n".join(result.findings)
    assert len([incident for incident in result.incidents if incident.detail]) >= 2
    assert result.counted.kept > 0
