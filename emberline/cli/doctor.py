"""The command `doctor`: examine everything the settings name, and say how to repair what is wrong."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Final

import typer

from emberline.cli.app import app, configured
from emberline.cli.errors import ExitCode
from emberline.cli.output import print_json, print_line
from emberline.cli.pipeline import Json

if TYPE_CHECKING:
    from pipelines.operations.examination import Examined

_STYLES: Final = {"ok": "green", "warning": "yellow", "broken": "red"}


@app.command()
def doctor(
    as_json: Json = False,
    read: Annotated[bool, typer.Option("--read", help="Also read every data file of the lake completely.")] = False,
) -> None:
    """Examine lake, warehouse, Kafka, key and versions, read-only, and say what to do. Exit code 6: broken."""
    from emberline.doctor import examine

    findings = examine(configured(looks_only=True), is_read=read)
    if as_json:
        print_json([asdict(finding) for finding in findings])
    else:
        for finding in _shortened(findings):
            health = (f"{finding.health:<8}", _STYLES[finding.health])
            print_line(health, f"{finding.area:<10}{finding.subject}: {finding.found}", whole=True)
            if finding.next_step:
                print_line(f"{'':<8}Next: {finding.next_step}", whole=True)
    if any(finding.health == "broken" for finding in findings):
        raise typer.Exit(ExitCode.FAILED)


def _shortened(findings: list[Examined]) -> list[Examined]:
    """Replace the lines of all healthy lake tables by one."""
    from pipelines.operations.examination import Examined

    well = [finding for finding in findings if finding.area == "lake" and finding.health == "ok"]
    if not well:
        return findings
    line = Examined("lake", f"{len(well)} tables", "ok", "Their logs can be read, and all files exist.")
    return [line if finding is well[0] else finding for finding in findings if finding not in well[1:]]
