"""Times and amounts of every notation are exact, and what is none is rejected with its place."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.carriers.mapping.mapped_carrier import MappedCarrier
from tests.examples import examples
from tests.pipelines.carriers.mapping.beacon import SENT, beacon, cell, message, rejection, sending

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
AT = dt.datetime(2020, 9, 13, 12, 26, 40, tzinfo=dt.UTC)
SECONDS = st.integers(-(10**9), 10**10)


def sending_time(time: str) -> MappedCarrier:
    return beacon("cases:\n  - emit:" + SENT.replace('{of: "{at}", unit: seconds}', time))


@cache
def timed(unit: str, **more: object) -> MappedCarrier:
    lines = "".join(f", {name}: {value}" for name, value in more.items())
    return sending_time(f'{{of: "{{at}}", unit: {unit}{lines}}}')


@pytest.mark.parametrize(
    ("unit", "written", "micros"),
    [
        ("seconds", 1_600_000_000, 0),
        ("seconds", "1600000000", 0),
        ("seconds", 1_600_000_000.25, 250_000),
        ("seconds", "1600000000.000001", 1),
        ("seconds", "1600000000.0000019", 1),
        ("milliseconds", 1_600_000_000_123, 123_000),
        ("milliseconds", "1600000000123", 123_000),
        ("microseconds", 1_600_000_000_123_456, 123_456),
        ("seconds_or_milliseconds", 1_600_000_000, 0),
        ("seconds_or_milliseconds", 1_600_000_000_123, 123_000),
        ("rfc3339", "2020-09-13T12:26:40Z", 0),
        ("rfc3339", "2020-09-13T20:26:40+08:00", 0),
        ("rfc3339", "2020-09-13T20:26:40.5+0800", 500_000),
        ("rfc3339", "2020-09-13 12:26:40.1234567Z", 123_456),
    ],
)
def test_a_time_is_read_to_the_microsecond(unit: str, written: object, micros: int):
    assert cell(timed(unit), "time", message(at=written)) == AT + dt.timedelta(microseconds=micros)


def test_a_local_time_is_of_its_zone():
    carrier = timed("local", zone="Asia/Shanghai")
    assert cell(carrier, "time", message(at="2020-09-13 20:26:40")) == AT


def test_a_snowflake_holds_its_time():
    carrier = timed("snowflake", epoch_ms=1_420_070_400_000)
    assert cell(carrier, "time", message(at="175928847299117063")) == dt.datetime(
        2016, 4, 30, 11, 18, 25, 796_000, tzinfo=dt.UTC
    )


@pytest.mark.parametrize(
    ("unit", "written"),
    [
        ("seconds", "soon"), ("seconds", 1.6e20), ("seconds", True), ("seconds", {}), ("seconds", 1_600_000_000_000),
        ("milliseconds", "2020-09-13"), ("rfc3339", "2020-09-13T12:26:40"), ("rfc3339", "2020-13-13T12:26:40Z"),
        ("local", "yesterday"), ("snowflake", "x"),
    ],
)  # fmt: skip
def test_what_is_no_time_is_rejected_with_its_place(unit: str, written: object):
    reason, detail = rejection(timed(unit).decode([message(at=written)]))
    assert reason == "invalid_field"
    assert detail.endswith("at at")


@pytest.mark.parametrize("nothing", [0, "0", None, ..., ""])
def test_a_time_that_is_not_known_is_missing(nothing: object):
    assert rejection(timed("seconds").decode([message(at=nothing)])) == (
        "missing_field",
        "message.sent needs time (from {at})",
    )


def test_a_second_place_stands_in_for_a_time_that_is_not_known():
    carrier = sending_time('[{of: "{at}", unit: seconds}, {of: "{seen}", unit: seconds, quality: bound}]')
    assert cell(carrier, "time", message(at=0, seen=1_600_000_000)) == AT
    assert cell(carrier, "time_quality", message(at=0, seen=1_600_000_000)) == "bound"
    assert cell(carrier, "time_quality", message()) == "second"


@examples(100)
@given(SECONDS, st.integers(0, 999_999))
def test_seconds_with_a_fraction_lose_nothing(seconds: int, micros: int):
    written = f"{Decimal(seconds) + Decimal(micros) / 1_000_000 * (1 if seconds >= 0 else -1)}"
    if Decimal(written) == 0:
        return
    expected = EPOCH + dt.timedelta(microseconds=int(Decimal(written) * 1_000_000))
    assert cell(timed("seconds"), "time", message(at=written)) == expected


ORDER = 'currency: "{money}"\namount: {of: "{total}", unit: UNIT}'


@pytest.mark.parametrize(
    ("unit", "written", "currency", "minor"),
    [
        ("minor", 1990, "CNY", 1990),
        ("minor", "1990", "CNY", 1990),
        ("major", "19.90", "CNY", 1990),
        ("major", "19.9", "CNY", 1990),
        ("major", 19.9, "CNY", 1990),
        ("major", "19", "CNY", 1900),
        ("major", "0.05", "USD", 5),
        ("major", "19.9" + 60 * "0", "USD", 1990),
        ("major", "1500.00", "JPY", 1500),
        ("major", "1.234", "KWD", 1234),
        ("minor", 2**53 + 1, "CNY", 2**53 + 1),
    ],
)
def test_an_amount_is_exact_in_minor_units(unit: str, written: object, currency: str, minor: int):
    carrier = sending(ORDER.replace("UNIT", unit))
    assert cell(carrier, "amount_minor", message(total=written, money=currency)) == minor


@pytest.mark.parametrize(
    ("written", "currency"),
    [
        ("19.905", "CNY"),
        ("1.5", "JPY"),
        ("1,5", "CNY"),
        ("19.90", "XYZ"),
        ("19.90", None),
        ("-19.90", "CNY"),
        ([], "CNY"),
    ],
)
def test_what_is_no_amount_of_its_currency_is_rejected(written: object, currency: str | None):
    decoded = sending(ORDER.replace("UNIT", "major")).decode([message(total=written, money=currency)])
    reason, detail = rejection(decoded)
    assert (reason, detail.endswith("at total")) == ("invalid_field", True)


@examples(100)
@given(st.decimals(0, 10**9, places=2))
def test_decimals_become_minor_units_without_a_float(amount: Decimal):
    carrier = sending(ORDER.replace("UNIT", "major"))
    assert cell(carrier, "amount_minor", message(total=str(amount), money="EUR")) == int(amount * 100)


def test_the_time_that_counts_says_how_exact_it_is():
    carrier = beacon("""
cases:
  - emit:
      - kind: message.edited
        id: "{id}"
        time: [{of: "{edited}", unit: seconds}, {of: "{at}", unit: seconds, quality: bound}]
        group: "{room}"
        message_id: "{id}"
""")
    payloads = [message(edited=1_600_000_001.5), message()]
    assert carrier.decode(payloads).events["time_quality"].to_list() == ["second", "bound"]


def test_a_number_is_the_same_time_alone_and_among_others():
    carrier = sending('reply_to: "{id}"')
    written = ["1600000000", "+1600000000", "0001600000000", "1600000000.5", "1e9", "-5", "999999999999", "1" * 18, "x"]
    values = [message(at=text) for text in written]
    together = carrier.decode(values)
    for row, value in enumerate(values):
        alone = carrier.decode([value])
        assert alone.events.drop("row").equals(together.events.filter(row=row).drop("row"))
        assert alone.rejected.drop("row").equals(together.rejected.filter(row=row).drop("row"))
