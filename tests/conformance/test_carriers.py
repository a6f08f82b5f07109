"""Every carrier of ours keeps its cases and the laws of all carriers."""

from __future__ import annotations

from pathlib import Path

import pytest

from emberline.conformance import Case, check, check_mutations, read_cases
from emberline.conformance.laws import headers_of
from emberline.conformance.mutations import drawn
from pipelines.carriers import CARRIERS
from pipelines.events.decode import decode
from tests.pipelines.canonical import RULES, TOPIC, records

CASES = Path(__file__).parent / "carriers"
SAMPLES = Path(__file__).parents[2].parent / "shared" / "formats"
MAPPED = sorted(set(CARRIERS) - {"cloudevents"})


@pytest.mark.parametrize("name", MAPPED)
def test_a_carrier_keeps_its_cases_and_the_laws(name: str):
    check(CARRIERS[name], read_cases(CASES / f"{name}.yaml"))


@pytest.mark.soak
@pytest.mark.parametrize("name", MAPPED)
def test_a_million_wrong_payloads_are_events_or_ignored_or_quarantined(name: str):
    cases, wanted = read_cases(CASES / f"{name}.yaml"), 1_000_000 // len(MAPPED) + 1
    check_mutations(CARRIERS[name], cases, wanted)
    decoded_by_contract(name, cases, wanted)


@pytest.mark.parametrize("name", MAPPED)
def test_wrong_payloads_are_events_or_ignored_or_quarantined(name: str):
    decoded_by_contract(name, read_cases(CASES / f"{name}.yaml"), 100)


def decoded_by_contract(name: str, cases: list[Case], wanted: int) -> None:
    """Decode changed payloads as the pipeline does, and find each of them."""
    places, values = zip(*drawn([case.value for case in cases], wanted, seed=1), strict=True)
    raw = records(values).with_columns(headers=headers_of(cases).gather(list(places)))
    found = decode(raw, {TOPIC: CARRIERS[name]}, RULES)
    told = set(found.events["offset"]) | set(found.quarantine["offset"])
    ignored = set(found.ignored["offset"])
    assert told | ignored == set(range(wanted))
    assert not told & ignored
    assert wanted + found.further == found.events.height + found.quarantine.height + found.ignored.height


@pytest.mark.parametrize("file", sorted(CASES.glob("*.samples.yaml")), ids=lambda file: file.name.split(".")[0])
@pytest.mark.skipif(not SAMPLES.exists(), reason="the platforms' own samples are not in this checkout")
def test_a_carrier_reads_the_samples_of_its_platform(file: Path):
    check(CARRIERS[file.name.removesuffix(".samples.yaml")], read_cases(file, SAMPLES))
