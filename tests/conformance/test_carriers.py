"""Every carrier of ours keeps its cases and the laws of all carriers."""

from __future__ import annotations

from pathlib import Path

import pytest

from emberline.conformance import check, read_cases
from pipelines.carriers import CARRIERS

CASES = Path(__file__).parent / "carriers"
SAMPLES = Path(__file__).parents[2].parent / "shared" / "formats"
MAPPED = sorted(set(CARRIERS) - {"cloudevents"})


@pytest.mark.parametrize("name", MAPPED)
def test_a_carrier_keeps_its_cases_and_the_laws(name: str):
    check(CARRIERS[name], read_cases(CASES / f"{name}.yaml"))


@pytest.mark.parametrize("file", sorted(CASES.glob("*.samples.yaml")), ids=lambda file: file.name.split(".")[0])
@pytest.mark.skipif(not SAMPLES.exists(), reason="the platforms' own samples are not in this checkout")
def test_a_carrier_reads_the_samples_of_its_platform(file: Path):
    check(CARRIERS[file.name.removesuffix(".samples.yaml")], read_cases(file, SAMPLES))
