"""Secrets and options that a wire or a puller works with, checked before anything is done with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from schemas.errors import EmberlineError


class WrongCredentials(EmberlineError):
    """Secrets or options of a route or a pull do not fit; no value is repeated."""


@dataclass(frozen=True)
class Part:
    """A secret or an option."""

    name: str
    meaning: str
    is_secret: bool = True
    is_required: bool = True


def wrong(whose: str, parts: Sequence[Part], what: str) -> WrongCredentials:
    """Make the error about what was given to `whose`, such as `Wire slack`."""
    takes = ", ".join(part.name + ("" if part.is_required else " (optional)") for part in parts)
    return WrongCredentials(f"{whose} {what}.", f"It takes: {takes}." if takes else "It takes none.")


def given_parts(whose: str, parts: Sequence[Part], given: Mapping[str, str]) -> dict[str, str]:
    """Return what was given, without what is empty.

    Raises:
        WrongCredentials: One is missing or unknown.
    """
    known = {part.name for part in parts}
    if unknown := sorted(set(given) - known):
        raise wrong(whose, parts, f"knows no {unknown[0]!r}")
    for part in parts:
        if part.is_required and not given.get(part.name):
            raise wrong(whose, parts, f"needs {part.name!r}: {part.meaning}")
    return {name: value for name, value in given.items() if value}


def named_parts(whose: str, parts: Sequence[Part], secret: str | None, secrets: Mapping[str, str]) -> dict[str, str]:
    """Give secrets their names: the one without a name is the one that cannot be done without.

    Raises:
        WrongCredentials: There are several such.
    """
    if secret is None:
        return dict(secrets)
    all_secrets = [part for part in parts if part.is_secret]
    needed = [part for part in all_secrets if part.is_required] or all_secrets
    if len(needed) != 1:
        has = "has no secret" if not needed else "has not one secret but several, which are set by their names"
        raise wrong(whose, parts, has)
    return {needed[0].name: secret, **secrets}
