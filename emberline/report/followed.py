"""What followed where the company did something for groups, beside what followed where it did nothing."""

from __future__ import annotations

from typing import Any

from emberline.report.contents import Contents
from emberline.report.words import Words
from pipelines.groups.contacts import ILL
from pipelines.groups.followed import followed
from pipelines.printable import printable_name


def effects(contents: Contents, words: Words) -> list[tuple[str, ...]]:
    """A row each action and purpose: what was done, for which groups, and what became of treated and untreated."""
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


def followed_in_groups_like(group: dict[str, Any], contents: Contents, words: Words) -> list[str]:
    """What followed in groups like one that declines, is dying or dead, in words."""
    if group["state"] not in ILL:
        return []
    return [
        words(
            "followed", alive=row["alive_again"], cases=row["cases"], like=row["like"],
            action=words.name_of("action", row["action"]),
        ) + ("" if row["is_effect"] else words("by_chance"))
        for row in followed(contents.effects, group["purpose"])
    ]  # fmt: skip
