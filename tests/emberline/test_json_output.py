"""What `--json` prints is JSON of which every amount and time can be read back."""

import datetime as dt
import json
from decimal import Decimal
from typing import Any

import pytest

from emberline.cli.output import print_json


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (Decimal(4611686018427387904), 4611686018427387904),
        (Decimal("12.50"), 12.5),
        (Decimal("-0.01"), -0.01),
        (Decimal("3.000"), 3),
        (dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC), "2026-03-01T12:00:00+00:00"),
        (dt.date(2026, 3, 1), "2026-03-01"),
    ],
)
def test_amounts_are_numbers_and_times_texts(value: object, read: object, capsys: pytest.CaptureFixture[str]):
    print_json({"value": value})
    printed: Any = json.loads(capsys.readouterr().out)
    assert printed == {"value": read}
    assert type(printed["value"]) is type(read)
