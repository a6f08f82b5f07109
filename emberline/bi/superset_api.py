"""Superset's API: import a bundle, and list what exists."""

from __future__ import annotations

import json
from typing import Any, Final

import httpx

from emberline.bi.bundle import database_file
from schemas.errors import EmberlineError

_PATIENCE_S: Final = 120.0
_MOST: Final = 1000


class BundleRefused(EmberlineError):
    """Superset rejected the bundle."""


class SupersetApi:
    """A logged-in session of the API.

    Use it as a context manager.
    """

    def __init__(self, url: str, user: str, password: str) -> None:
        """Log in.

        Raises:
            httpx.HTTPError: Superset does not answer, or refuses the login.
        """
        self._client = httpx.Client(base_url=url, timeout=_PATIENCE_S, headers={"Referer": url}, trust_env=False)
        login = {"username": user, "password": password, "provider": "db", "refresh": False}
        token = self._answer(self._client.post("/api/v1/security/login", json=login))["access_token"]
        self._client.headers["Authorization"] = f"Bearer {token}"
        self._client.headers["X-CSRFToken"] = self._get("/api/v1/security/csrf_token/")["result"]

    def __enter__(self) -> SupersetApi:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def import_bundle(self, packed: bytes, password: str | None) -> None:
        """Import a bundle, replacing what an older one created.

        Args:
            packed: The ZIP file.
            password: Password of the bundle's database.

        Raises:
            BundleRefused: Superset rejected it; nothing is replaced.
        """
        done = self._client.post(
            "/api/v1/assets/import/",
            files={"bundle": ("emberline.zip", packed, "application/zip")},
            data={"passwords": json.dumps({database_file(): password or ""})},
        )
        if done.is_error:
            raise BundleRefused(
                f"Superset refused the dashboards: {done.reason_phrase}", "See superset.log in the state folder."
            )

    def charts(self) -> dict[str, int]:
        """The id of each chart in Superset, by its title."""
        found = self._get(f"/api/v1/chart/?q=(page_size:{_MOST})")["result"]
        return {chart["slice_name"]: chart["id"] for chart in found}

    def data(self, chart: int) -> list[dict[str, Any]]:
        """The rows that a chart shows."""
        return self._get(f"/api/v1/chart/{chart}/data/")["result"][0]["data"]

    def meaning(self, dataset: str, metric: str) -> str:
        """The description of a metric of a dataset."""
        found = self._get(f"/api/v1/dataset/?q=(page_size:{_MOST})")["result"]
        number = next(one["id"] for one in found if one["table_name"] == dataset)
        metrics = self._get(f"/api/v1/dataset/{number}")["result"]["metrics"]
        return next(one["description"] for one in metrics if one["metric_name"] == metric)

    def _get(self, path: str) -> Any:
        return self._answer(self._client.get(path))

    @staticmethod
    def _answer(answer: httpx.Response) -> Any:
        answer.raise_for_status()
        return answer.json()
