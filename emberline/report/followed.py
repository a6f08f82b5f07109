"""Outcomes of groups for which the company did something, compared with groups for which it did nothing."""

from __future__ import annotations

from typing import Any

from emberline.report.contents import Contents
from emberline.report.words import Words
from pipelines.groups.contacts import ILL
from pipelines.groups.followed import followed, money
from pipelines.printable import printable_name


def effects(contents: Contents, words: Words) -> list[tuple[str, ...]]:
    """One row per action and purpose: what was done, for which groups, and outcomes of treated and untreated ones."""
    return [
        (
            words.name_of("action", row["action"]),
            printable_name(row["purpose"]) or words("all_purposes"),
            f"{row['cases']:,}",
            f"{row['alive_again'] / row['cases']:.0%}",
            f"{row['untreated_share']:.0%}",
            f"{100 * row['difference']:+.0f}",
            words("interval", low=f"{100 * row['difference_low']:+.0f}", high=f"{100 * row['difference_high']:+.0f}"),
        )
        for row in contents.effects.sort("action", "purpose").iter_rows(named=True)
    ]


def sold_after(contents: Contents, words: Words) -> list[tuple[str, ...]]:
    """One row per action, purpose and currency: what treated and untreated groups sold in 28 days."""

    def shown(row: dict[str, Any], name: str, *, is_signed: bool = False) -> str:
        minor = row[f"{name}_minor"]
        return words("unknown") if minor is None else money(minor, row["currency"], is_signed=is_signed)

    return [
        (
            words.name_of("action", row["action"]),
            printable_name(row["purpose"]) or words("all_purposes"),
            row["currency"],
            f"{row['cases']:,}",
            shown(row, "net"),
            shown(row, "untreated"),
            shown(row, "difference", is_signed=True),
            words(
                "interval",
                low=shown(row, "difference_low", is_signed=True),
                high=shown(row, "difference_high", is_signed=True),
            ),
        )
        for row in contents.sold_after.sort("action", "purpose", "currency").iter_rows(named=True)
    ]


def followed_in_groups_like(group: dict[str, Any], contents: Contents, words: Words) -> list[str]:
    """What followed in groups like one that declines, is dying or dead, in words."""
    if group["state"] not in ILL:
        return []
    lines = []
    for row in followed(contents.effects, contents.sold_after, group["purpose"]):
        action, sold = words.name_of("action", row["action"]), row["sold"]
        of_lives = words("followed", alive=row["alive_again"], cases=row["cases"], like=row["like"], action=action)
        lines.append(of_lives + _chance(row, words))
        if sold is not None:
            net, untreated = (money(sold[name], sold["currency"]) for name in ("net_minor", "untreated_minor"))
            of_sales = words(
                "followed_sold", net=net, untreated=untreated, currency=sold["currency"], cases=sold["cases"],
                action=action,
            )  # fmt: skip
            lines.append(of_sales + _chance(sold, words))
    return lines


def _chance(row: dict[str, Any], words: Words) -> str:
    return "" if row["is_effect"] else words("by_chance")
