"""`unisync watch`: dub what is dropped into a folder."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path

import click

from ..exit_codes import ExitCode
from ..watch.config import read_config
from ..watch.names import shown
from ..watch.report import reporting
from ..watch.service import Watcher


@click.command("watch")
@click.argument("config", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--once",
    is_flag=True,
    help="Do what can be done now and end, as from cron; drops that still wait are left.",
)
def watch(config: Path, once: bool) -> None:
    """Watch the folder that CONFIG names and dub every edit dropped into it.

    Stop it with Ctrl-C or SIGTERM, or kill it: started again it goes on where it was. A line is
    printed for everything that happens to a drop; the same stands in its NAME.unisync.json.
    """
    settings = read_config(config)
    with reporting(settings, _line) as report:
        watcher = Watcher(settings, report=report)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: watcher.stop())
        report.say("", f"watching {settings.folder}; results go to {settings.out}")
        watcher.run(once=once)
        report.say("", "stopped")
    sys.exit(int(ExitCode.OK))


def _line(name: str, text: str) -> None:
    about = f"{shown(name)}  " if name else ""
    click.echo(f"{time.strftime('%H:%M:%S')} {about}{shown(text)}")
