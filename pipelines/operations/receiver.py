"""Health check of the webhook receiver."""

from __future__ import annotations

import urllib.request
from typing import Final
from urllib.error import HTTPError

_ANSWERS_WITHIN_S: Final = 5


def fault_of(url: str) -> str | None:
    """Return why the receiver at this URL accepts no webhooks; None if it does."""
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=_ANSWERS_WITHIN_S):  # noqa: S310 - of the settings
            return None
    except HTTPError as error:
        return "it does not get records into Kafka" if error.code == 503 else f"it answers {error.code}"
    except OSError:
        return f"nothing answers at {url}"
