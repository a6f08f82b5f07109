"""What speaks is no worse than days of silence; `python -m benchmarks.never_worse` shows it of 80 companies."""

import pytest

from benchmarks.lives import KINDS
from benchmarks.never_worse import MOST_LOSS, quarters


@pytest.mark.parametrize("kind", KINDS)
def test_what_speaks_ranks_a_company_no_worse_than_days_of_silence(kind: str):
    found = list(quarters(kind, seed=3))
    assert len(found) >= 6
    assert sum(one.speaks - one.silence for one in found) / len(found) >= -MOST_LOSS
