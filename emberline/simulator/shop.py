"""The shop's events: clicks, views, carts, orders, payments, refunds, and the links between accounts of one person."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from emberline.simulator.buying import OPERATOR_BUYERS, Purchases
from emberline.simulator.clock import DAY, HOUR, MINUTE, NEVER, SECOND, Calendar, Instants
from emberline.simulator.company import Company
from emberline.simulator.people import Index, People
from emberline.simulator.products import ProductMessages, message_ids, product_ids
from emberline.simulator.rows import SHOP, accounts, rows
from emberline.simulator.staff import operators
from schemas import kinds


def customers(persons: Index) -> pl.Series:
    """Customer ids of persons (index)."""
    return "shop:simulated-customer-" + pl.Series(persons + 1).cast(pl.String).str.zfill(5)


def order_ids(orders: pl.Series) -> pl.Series:
    """Order ids of rows of `Purchases.orders`."""
    return "simulated-order-" + (orders + 1).cast(pl.String)


def linked(company: Company, people: People, purchases: Purchases) -> npt.NDArray[np.bool_]:
    """Which persons with a home group have a customer id that an event links to their accounts."""
    active = np.concatenate([purchases.clicks["person"].to_numpy(), purchases.orders["person"].to_numpy()])
    return np.isin(np.arange(people.size), active) | people.on_two_carriers(company)


def clicks(
    company: Company, carriers: pl.Series, people: People, purchases: Purchases, end: int,
    rng: np.random.Generator,
) -> pl.DataFrame:  # fmt: skip
    """Clicks by member, and what the same persons look at and put into the cart as customers."""
    table = purchases.clicks
    person, group, time = (table[name].to_numpy() for name in ("person", "group", "time"))
    second = table["by_second"].to_numpy()
    at = np.where(second, people.second[person], people.home[person])
    group_ids = pl.select(pl.when(table["group"] >= 0).then(company.ids.gather(np.maximum(group, 0)))).to_series()
    clicked = rows(
        kinds.LINK_CLICKED, SHOP, time, member_id=accounts(carriers.gather(company.carrier[at]), person),
        group_id=group_ids, message_id=message_ids(table["offer"].to_numpy()),
        product_id=product_ids(table["product"].to_numpy()),
    )  # fmt: skip
    looks = np.repeat(np.arange(len(person)), rng.poisson(1.3, len(person)))
    seen = time[looks] + rng.integers(SECOND, 5 * MINUTE, len(looks))
    product = product_ids(table["product"].to_numpy()[looks])
    who = customers(person[looks])
    viewed = rows(kinds.PRODUCT_VIEWED, SHOP, seen, customer_id=who, product_id=product)
    carted = rows(kinds.CART_ADDED, SHOP, seen + MINUTE, customer_id=who, product_id=product)
    carted = carted.filter(pl.Series(rng.random(carted.height) < 0.35))
    return pl.concat([clicked, viewed, carted], how="diagonal").filter(pl.col("time") < end)


def orders(company: Company, purchases: Purchases, offers: ProductMessages, rng: np.random.Generator) -> pl.DataFrame:
    """Orders, payments and refunds. Some refunds are delivered before the order they concern."""
    table = purchases.orders.with_row_index("order").with_columns(pl.col("order").cast(pl.Int64))
    offer = table["offer"].to_numpy()
    product = np.where(offer >= 0, offers.product[np.maximum(offer, 0)], table["product"].to_numpy())
    group = company.ids.gather(offers.group[np.maximum(offer, 0)])
    refunded = table["order"].is_in(purchases.refunds["order"].to_list())
    held = pl.Series(rng.integers(25 * DAY, 40 * DAY, table.height))
    paid_back = refunded & (table["paid"] != NEVER)
    overtaken = paid_back & (paid_back.cum_sum() % 5 == 1)
    about = pl.DataFrame({
        "order": table["order"],
        "placed": table["placed"],
        "paid": table["paid"],
        "customer_id": customers(table["person"].to_numpy()),
        "order_id": order_ids(table["order"]),
        "total_minor": table["total_minor"],
        "currency": table["currency"],
        "group_id": pl.select(pl.when(pl.Series(offer) >= 0).then(group)).to_series(),
        "message_id": message_ids(offer),
        "product_id": product_ids(product),
        "held": pl.select(pl.when(overtaken).then(held)).to_series(),
    }).with_columns(carrier=pl.lit(SHOP))  # fmt: skip
    placed = about.with_columns(time="placed", type=pl.lit(kinds.ORDER_PLACED))
    paid = about.filter(pl.col("paid") != NEVER).with_columns(time="paid", type=pl.lit(kinds.ORDER_PAID))
    refunds = purchases.refunds.join(
        about.select("order", "customer_id", "order_id", "currency", "carrier"), on="order", maintain_order="left"
    ).with_columns(type=pl.lit(kinds.ORDER_REFUNDED))
    return pl.concat([placed, paid, refunds], how="diagonal").drop("order", "placed", "paid")


def links(
    calendar: Calendar, company: Company, carriers: pl.Series, people: People, purchases: Purchases,
    rng: np.random.Generator,
) -> pl.DataFrame:  # fmt: skip
    """Identity links: most before the first purchase or click, some after it, some delivered much later."""
    who = np.flatnonzero(linked(company, people, purchases))
    first = _first_sight(people, purchases)[who]
    early = first - rng.integers(MINUTE, 2 * HOUR, len(who))
    time = np.where(rng.random(len(who)) < 0.75, early, first + rng.integers(HOUR, 2 * DAY, len(who)))
    time = np.clip(time, calendar.begin, calendar.end - HOUR)
    both = np.flatnonzero(people.on_two_carriers(company)[who])

    def link(persons: Index, group: Index, at: Instants) -> pl.DataFrame:
        held = pl.Series(rng.integers(DAY, 20 * DAY, len(persons)))
        return rows(
            kinds.IDENTITY_LINKED, SHOP, at, linked_id=customers(persons),
            member_id=accounts(carriers.gather(company.carrier[group]), persons),
            held=pl.select(pl.when(pl.Series(rng.random(len(persons)) < 0.1)).then(held)).to_series(),
        )  # fmt: skip

    # The last customers of all are operators, who buy for themselves.
    outside = people.size + purchases.outsiders - OPERATOR_BUYERS + np.arange(OPERATOR_BUYERS)
    staff = operators(company, carriers).unique(maintain_order=True).head(OPERATOR_BUYERS)
    return pl.concat([
        link(who, people.home[who], time),
        link(who[both], people.second[who[both]], np.minimum(time[both] + MINUTE, calendar.end - HOUR)),
        rows(
            kinds.IDENTITY_LINKED, SHOP, np.full(len(staff), calendar.begin + 12 * HOUR), member_id=staff,
            linked_id=customers(outside[: len(staff)]),
        ),
    ], how="diagonal")  # fmt: skip


def _first_sight(people: People, purchases: Purchases) -> Instants:
    """First click or order of each person; the joining of the second group for those who do neither."""
    first = np.where(people.second_joined == NEVER, NEVER, people.second_joined)
    np.minimum.at(first, purchases.clicks["person"].to_numpy(), purchases.clicks["time"].to_numpy())
    inside = purchases.orders.filter(pl.col("person") < people.size)
    np.minimum.at(first, inside["person"].to_numpy(), inside["placed"].to_numpy())
    return first
