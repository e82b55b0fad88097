"""`unisync doctor`: what can run here and what to install."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from ..doctor import Finding, Health, as_json, can_dub, examine
from ..exit_codes import ExitCode

_SIGNS = {Health.GOOD: "ok", Health.OPTIONAL: "--", Health.BAD: "NO"}


@click.command("doctor")
@click.option("--json", "json_wanted", is_flag=True, help="The findings as JSON on stdout.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=Path("."),
    help="Where new media would go, to look at its free space.",
)
def doctor(json_wanted: bool, out: Path) -> None:
    """Say what can run on this machine and what to install.

    Exits with 0 when `unisync dub` can work here, with 3 when it cannot.
    """
    findings = examine(out.resolve())
    if json_wanted:
        click.echo(json.dumps(as_json(findings), ensure_ascii=False, indent=2))
    else:
        for finding in findings:
            click.echo(_line(finding))
        click.echo(_verdict(can_dub(findings)))
    sys.exit(int(ExitCode.OK if can_dub(findings) else ExitCode.INPUT))


def _line(finding: Finding) -> str:
    remedy = f"\n{'':19}{finding.remedy}" if finding.remedy else ""
    return f"{_SIGNS[finding.health]:3} {finding.name:14} {finding.text}{remedy}"


def _verdict(ready: bool) -> str:
    if ready:
        return "`unisync dub` can work here."
    return "`unisync dub` cannot work here: see the lines marked NO."
