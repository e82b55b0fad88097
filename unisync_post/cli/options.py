"""Options that several commands share, as decorators."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from unisync_adapters.document import PathMap
from unisync_adapters.errors import TimeError
from unisync_adapters.timebase import Rate

from ..errors import PlanError
from ..media.delivery import AUTO, MEZZANINES
from ..plan.casting import cast_in, is_place
from ..plan.options import ColourRule, DubFile, PlanOptions

_Command = TypeVar("_Command", bound=Callable[..., Any])


def edit_options(command: _Command) -> _Command:
    """The EDIT argument and everything that says how to plan it.

    The command is called with ``edit: Path`` and ``options: PlanOptions``.
    """

    @functools.wraps(command)
    def with_options(
        *,
        dub_files: tuple[str, ...],
        dub_track: str | None,
        dub_start: str | None,
        orig_track: str | None,
        language: str | None,
        handles: int,
        face: str | None,
        process_freeze: bool,
        ramps: bool,
        lay_dub: bool,
        keep_takes: bool,
        media: tuple[Path, ...],
        media_roots: tuple[Path, ...],
        path_map: tuple[tuple[str, str], ...],
        sequence: str | None,
        rate: Rate | None,
        colour: tuple[str, ...],
        mezzanine: str,
        **others: Any,
    ) -> Any:
        options = PlanOptions(
            dub=tuple(DubFile.parse(text) for text in dub_files),
            dub_track=dub_track,
            dub_start=dub_start,
            orig_track=orig_track,
            language=language,
            handles=handles,
            face=face,
            process_freeze=process_freeze,
            ramps=ramps,
            lay_dub=lay_dub,
            keep_takes=keep_takes,
            media=media,
            media_roots=media_roots,
            path_map=PathMap(path_map),
            sequence=sequence,
            rate=rate,
            colour=tuple(ColourRule.parse(text) for text in colour),
            mezzanine=mezzanine,
        )
        return command(options=options, **others)

    for decorate in reversed(_EDIT):
        with_options = decorate(with_options)
    return with_options  # type: ignore[return-value]


def _face(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    if value is None or is_place(value):
        return value
    try:
        if cast_in(value):
            return value
    except PlanError as error:
        raise click.BadParameter(str(error)) from error
    raise click.BadParameter(
        "say left, right, largest, the number of a face, or NAME:left,NAME:right"
    )


def _pair(
    _context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[tuple[str, str], ...]:
    pairs = []
    for value in values:
        theirs, equals, ours = value.partition("=")
        if not (theirs and equals and ours):
            raise click.BadParameter(f"write THEIRS=HERE, not {value!r}")
        pairs.append((theirs, ours))
    return tuple(pairs)


def _rate(_context: click.Context, _parameter: click.Parameter, value: str | None) -> Rate | None:
    try:
        return None if value is None else Rate.of(value)
    except TimeError as error:
        raise click.BadParameter("write a rate such as 23.976, 25 or 30000/1001") from error


face_option = click.option(
    "--face",
    metavar="left|right|largest|N|NAME:left,NAME:right",
    callback=_face,
    help="Which face, where several are in the picture and no marker decides; or, of a dub with a "
    "file or track per character, whose face is which.",
)

_EDIT = (
    click.argument("edit", type=click.Path(path_type=Path, exists=True)),
    click.option(
        "--dub",
        "dub_files",
        metavar="FILE[@LANG]",
        multiple=True,
        help="A dub file, placed by its BWF time stamp, else at the sequence start. May be "
        "repeated: a file per character, or per language.",
    ),
    click.option(
        "--dub-track", metavar="NAME|INDEX", help="The dub is this audio track: A3, 3 or its name."
    ),
    click.option("--dub-start", metavar="TC", help="Record timecode where the dub files begin."),
    click.option(
        "--orig-track", metavar="NAME|INDEX", help="The track with the original dialogue."
    ),
    click.option(
        "--language", metavar="TAG", help="Language wanted, where there are several: fr, pt-BR."
    ),
    click.option(
        "--handles",
        type=click.IntRange(min=0),
        default=12,
        show_default=True,
        help="Frames rendered beyond each cut.",
    ),
    face_option,
    click.option(
        "--lay-dub",
        is_flag=True,
        help="Lay the dub files on new audio tracks of the returned edit (FCP7 XML, FCPXML, OTIO).",
    ),
    click.option(
        "--keep-takes",
        is_flag=True,
        help="Keep what a dubbed clip played in the returned edit, as a take to go back to: an "
        "audition in FCPXML, a further media reference in OTIO.",
    ),
    click.option("--process-freeze", is_flag=True, help="Move the lips in freeze frames too."),
    click.option(
        "--ramps",
        is_flag=True,
        help="Render clips with a speed ramp too, from the frames as played, where the edit states "
        "the curve exactly. The marker unisync:ramp says so of one clip.",
    ),
    click.option(
        "--media",
        "--media-dir",
        "media",
        type=click.Path(path_type=Path, exists=True, file_okay=False),
        multiple=True,
        help="Folder to search for media that is not where the edit says. May be repeated.",
    ),
    click.option(
        "--media-root",
        "media_roots",
        type=click.Path(path_type=Path, exists=True, file_okay=False),
        multiple=True,
        help="Open no media outside this folder, whatever the edit says. May be repeated; without "
        "it, media anywhere on this machine is opened.",
    ),
    click.option(
        "--path-map",
        metavar="THEIRS=HERE",
        multiple=True,
        callback=_pair,
        help="A folder as the edit writes it, and where it is here. May be repeated.",
    ),
    click.option("--sequence", metavar="NAME", help="Which sequence of the document."),
    click.option(
        "--rate",
        metavar="FPS",
        callback=_rate,
        help="Frame rate of an edit that does not state it, which is an EDL: 23.976, 25, 29.97.",
    ),
    click.option(
        "--colour",
        metavar="[PATTERN=]NAME",
        multiple=True,
        help="What plates' values mean where their tags do not say it: slog3, logc3, logc4, vlog, "
        "log3g10, acescct, pq, hlg ... for every plate, or for files such as A0*.mov=slog3. May "
        "be repeated.",
    ),
    click.option(
        "--mezzanine",
        type=click.Choice((AUTO, *MEZZANINES)),
        default=AUTO,
        show_default=True,
        help="Codec of new media whose plate is neither ProRes nor DNxHR.",
    ),
)

engine_option = click.option(
    "--engine",
    default="auto",
    show_default=True,
    help="What generates the mouths; auto takes the best that can run here and says which. "
    "unisync@FOLDER runs a model folder, package.module:factory an engine of your own.",
)
workers_option = click.option(
    "--workers",
    type=click.IntRange(min=1),
    help="Shots rendered at the same time; default: one for each GPU, or one.",
)
burn_in_option = click.option(
    "--burn-in/--no-burn-in",
    default=True,
    help="Label draft pictures in the review proxies (never in the delivered media).",
)
