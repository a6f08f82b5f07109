"""Answers of QQ bots (OneBot and Milky): `status`, `retcode`, and `data` if it is 0."""

from __future__ import annotations

from typing import Final, TypeVar

import msgspec

from pipelines.carriers.pullers.base import Answer, UnfitAnswer, read_json

UNREADABLE: Final = "groups that the bot could not read now"

T = TypeVar("T")


class _Answered(msgspec.Struct):
    retcode: int
    data: msgspec.Raw = msgspec.Raw(b"null")


def failed(answer: Answer) -> bool:
    """Return whether the bot reports a failure."""
    return answer.read(_Answered).retcode != 0


def data_of(answer: Answer, kind: type[T]) -> T:
    """Return the data of an answer.

    Raises:
        UnfitAnswer: The bot reports a failure, or the data have another type.
    """
    found = answer.read(_Answered)
    if found.retcode != 0:
        raise UnfitAnswer(f"The bot reports a failure: retcode {found.retcode}.", "See the bot's log.")
    return read_json(found.data, kind)
