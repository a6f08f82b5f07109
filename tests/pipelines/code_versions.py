"""Facts whose code is of another version than the registry says."""

from __future__ import annotations

import pytest

from pipelines.refresh import rebuilds
from schemas.lake import LakeTable


def set_code(patched: pytest.MonkeyPatch, **versions: int) -> None:
    """Let the code of facts, by name, be of these versions."""
    declared = rebuilds.code_version

    def version(table: LakeTable) -> int:
        return versions.get(table.name, declared(table))

    patched.setattr(rebuilds, "code_version", version)
