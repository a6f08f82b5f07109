"""The box is numbers that can be learnt again, and no measured day is among them."""

import numpy as np
import pytest

from benchmarks import box as learning
from benchmarks import zulip
from pipelines.groups.risk.box import box, parse
from pipelines.groups.risk.measured import FEATURES
from pipelines.groups.risk.scores import BOX, SHARES


@pytest.mark.soak
@pytest.mark.skipif(not zulip.ARCHIVE.exists(), reason=zulip.ABSENT)
def test_learning_it_again_gives_the_same_bytes():
    assert learning.learn() == learning.FILE.read_text(encoding="utf-8")


def test_it_says_what_it_was_learnt_from_and_how_to_learn_it_again():
    assert "leanprover-community/archive" in box().source["learnt_from"]
    assert "licence" in box().source
    assert box().source["learn_again"] == "python -m benchmarks.box"


def test_it_is_of_the_features_measured_now_and_has_grades_of_every_share():
    assert box().model.features == list(FEATURES)
    assert {f"{BOX} {share:.0%}" for share in SHARES} | {"silence", "messages"} == set(box().advantages)
    assert set(box().lines) == {"0%", *(f"{share:.0%}" for share in SHARES)}
    assert box().auc >= 0.895
    assert box().average_precision >= 0.44


def test_another_box_has_another_version():
    text = learning.FILE.read_text(encoding="utf-8")
    assert parse(text) == box()
    assert parse(text.replace('"groups": 38', '"groups": 39')).version != box().version


@pytest.mark.skipif(not zulip.ARCHIVE.exists(), reason=zulip.ABSENT)
def test_no_measured_day_is_a_landmark():
    from pipelines.groups.risk.features import history
    from pipelines.groups.risk.model import encode

    people = zulip.person_day()
    past = history(people, people.select("day").max().collect().item())
    model = box().model
    points = (encode(past) - np.array(model.mean)) / np.array(model.scale) @ np.array(model.axes).T
    landmarks = np.array(model.landmarks)
    nearest = np.sqrt(((points[:, None, :] - landmarks[None, :, :]) ** 2).sum(axis=2)).min(axis=0)
    assert (nearest > 0.01).all()
