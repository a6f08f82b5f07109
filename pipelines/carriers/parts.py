"""Secrets and options of wires and pullers, and their validation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from schemas.errors import EmberlineError


class WrongCredentials(EmberlineError):
    """Secrets or options of a route or a pull are wrong; values are not shown."""


@dataclass(frozen=True)
class Part:
    """A secret or an option."""

    name: str
    meaning: str
    is_secret: bool = True
    is_required: bool = True


def wrong(whose: str, parts: Sequence[Part], what: str) -> WrongCredentials:
    """Return the error for the secrets or options of `whose`, such as `Wire slack`."""
    takes = ", ".join(part.name + ("" if part.is_required else " (optional)") for part in parts)
    return WrongCredentials(f"{whose} {what}.", f"It takes: {takes}." if takes else "It takes none.")


def given_parts(whose: str, parts: Sequence[Part], given: Mapping[str, str]) -> dict[str, str]:
    """Return the given parts without empty ones.

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
    """Return secrets by name: a secret without a name is the required one.

    Raises:
        WrongCredentials: Several secrets are required.
    """
    if secret is None:
        return dict(secrets)
    all_secrets = [part for part in parts if part.is_secret]
    needed = [part for part in all_secrets if part.is_required] or all_secrets
    if len(needed) != 1:
        has = "has no secret" if not needed else "has several secrets, which must be set by name"
        raise wrong(whose, parts, has)
    return {needed[0].name: secret, **secrets}
