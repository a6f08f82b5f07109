"""However many payments of the greatest amount there are, their sums are exact and published."""

import datetime as dt
import json

import polars as pl

from emberline.cli.output import print_json
from emberline.cli.reports import print_sales
from emberline.published import sales_frame
from schemas import kinds
from schemas import warehouse as mart
from schemas.attribution import MODELS

PAYMENTS = 5
TOTAL = PAYMENTS * kinds.MOST_MINOR


def payment(number: int) -> dict[str, object]:
    return {
        "specversion": "1.0",
        "id": f"p{number}",
        "source": "shop",
        "type": kinds.ORDER_PAID,
        "time": dt.datetime(2026, 3, 1 + number, tzinfo=dt.UTC).isoformat(),
        "data": {
            "customer_id": "shop:ann",
            "order_id": f"o{number}",
            "total_minor": kinds.MOST_MINOR,
            "currency": "CNY",
        },
    }


def test_payments_of_the_greatest_amount_are_published_with_exact_sums(pipeline, capsys):
    values = [json.dumps(payment(number)).encode() for number in range(PAYMENTS)]
    records = pl.DataFrame({"value": values}).with_columns(topic=pl.lit("commerce.events"), key=pl.lit(None, pl.Binary))
    pipeline.send(records)
    outcome = pipeline.run()
    assert outcome.is_success, outcome.failed_checks
    warehouse = pipeline.services.warehouse()
    for table, rows in ((mart.group_sales, 1), (mart.message_sales, 1), (mart.segment_sales, 2)):
        sums = warehouse.read(table).select("paid_minor", "net_minor").rows()
        assert sums == [(TOTAL, TOTAL)] * rows * len(MODELS)
    # The newest day is not complete yet.
    assert warehouse.read(mart.person_value)["net_minor"].to_list() == [TOTAL - kinds.MOST_MINOR]

    sales = sales_frame(warehouse)
    print_json(sales.to_dicts())
    assert json.loads(capsys.readouterr().out)[0]["paid_minor"] == TOTAL
    print_sales(sales)
    assert f"{TOTAL // 100}.{TOTAL % 100}" in capsys.readouterr().out
