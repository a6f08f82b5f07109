"""Of what operators do in simulated pauses, what works is published as an effect, and what does not is not."""

import pytest

from emberline.simulator import simulate
from schemas import warehouse as mart
from schemas.lake import INTERVENTION_CASE
from tests.pipelines.groups.interventions.test_planted import PAUSING, assert_as_planted


@pytest.mark.soak
def test_planted_effects_are_published(pipeline):
    world = simulate(PAUSING)
    pipeline.send(world.records)
    assert pipeline.run().is_success
    cases = pipeline.services.lake().open(INTERVENTION_CASE).scan().collect()
    assert_as_planted(pipeline.services.warehouse().read(mart.intervention_effect), cases, world.truth)
