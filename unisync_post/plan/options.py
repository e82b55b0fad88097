"""What a person may say about how an edit is to be planned."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from fnmatch import fnmatch
from pathlib import Path

from unisync_adapters.document import PathMap
from unisync_adapters.timebase import Rate

from ..errors import MediaError, PlanError
from ..media.delivery import AUTO, MEZZANINES
from ..media.viewing import encoding_named

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*")


@dataclass(frozen=True, slots=True)
class DubFile:
    """One dub file named on the command line, and the language it was said to be in."""

    path: Path
    language: str | None = None

    @classmethod
    def parse(cls, text: str) -> DubFile:
        """Read ``FILE.wav`` or ``FILE.wav@LANG``; a file whose own name has an ``@`` is itself.

        >>> DubFile.parse("FR_DX.wav@fr-CA").language
        'fr-CA'

        Raises:
            PlanError: no file name, or what follows the ``@`` is no language tag.
        """
        name, at, language = text.rpartition("@")
        if not at or Path(text).exists() or "/" in language or "\\" in language:
            return cls(Path(text))
        if not name or not _LANGUAGE.fullmatch(language):
            raise PlanError(
                f"{text!r} is no dub: {language!r} is no language tag",
                remedy="Write FILE.wav@LANG with a tag such as fr, de or pt-BR.",
            )
        return cls(Path(name), language.replace("_", "-"))


@dataclass(frozen=True, slots=True)
class ColourRule:
    """What the values of some plates mean: every file whose name fits ``pattern``."""

    encoding: str
    pattern: str = "*"

    @classmethod
    def parse(cls, text: str) -> ColourRule:
        """Read ``NAME``, for every plate, or ``PATTERN=NAME``.

        >>> ColourRule.parse("A0*.mov=slog3")
        ColourRule(encoding='slog3', pattern='A0*.mov')

        Raises:
            PlanError: no encoding has that name.
        """
        pattern, _, name = text.rpartition("=")
        try:
            return cls(encoding_named(name.lower()).name, pattern or "*")
        except MediaError as error:
            raise PlanError(error.what, remedy=error.remedy) from error

    def fits(self, media: Path) -> bool:
        """Whether it speaks of this file; case is ignored."""
        return fnmatch(media.name.lower(), self.pattern.lower())


def colour_of(rules: Iterable[ColourRule], media: Path) -> str | None:
    """The encoding said of this file by the first rule that fits its name."""
    return next((rule.encoding for rule in rules if rule.fits(media)), None)


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """How to plan. Everything has a default that suits a plain edit with one dub track.

    Attributes:
        dub: dub files; several are one dub (a file per character), or several languages.
        dub_track: the track of the edit that is the dub: ``A3``, ``3`` or its name.
        dub_start: record timecode at which the dub files begin, against their own time stamp.
        orig_track: the track with the original dialogue, as ``dub_track``.
        language: language wanted, where the edit or the files hold several (BCP-47).
        handles: frames of handle on either side, in frames of the new media.
        face: which face, for every shot that no marker decides:
            ``left``, ``right``, ``largest`` or a number.
        lay_dub: lay the dub files on new audio tracks of the returned edit.
        keep_takes: what a dubbed clip played stays in it, as a take to go back to.
        process_freeze: render freeze frames too (a mouth that moves in a still picture).
        ramps: render speed ramps too, whose curve the edit states, from the frames as played.
        media: folders searched for media that is not where the edit says.
        media_roots: folders outside which no media is opened, whatever the edit says; empty for
            anywhere, as suits edits of one's own.
        path_map: the edit's paths and this machine's.
        sequence: which sequence of the document.
        rate: the record rate, for an edit that does not state it (EDL).
        colour: what plates' values mean, where their tags do not say it.
        mezzanine: codec of new media whose plate's own codec cannot be kept
            (:data:`~unisync_post.media.delivery.MEZZANINES`), or ``auto``.
    """

    dub: tuple[DubFile, ...] = ()
    dub_track: str | None = None
    dub_start: str | None = None
    orig_track: str | None = None
    language: str | None = None
    handles: int = 12
    face: str | None = None
    process_freeze: bool = False
    ramps: bool = False
    lay_dub: bool = False
    keep_takes: bool = False
    media: tuple[Path, ...] = ()
    media_roots: tuple[Path, ...] = ()
    path_map: PathMap = field(default_factory=PathMap)
    sequence: str | None = None
    rate: Rate | None = None
    colour: tuple[ColourRule, ...] = ()
    mezzanine: str = AUTO

    def __post_init__(self) -> None:
        if self.handles < 0:
            raise PlanError(f"{self.handles} handle frames do not exist")
        if self.mezzanine not in (AUTO, *MEZZANINES):
            raise PlanError(
                f"No mezzanine is called {self.mezzanine}",
                remedy=f"Known are {', '.join((AUTO, *MEZZANINES))}.",
            )
        if self.dub and self.dub_track is not None:
            raise PlanError(
                "The dub is given twice, as a file and as a track",
                remedy="Keep --dub or --dub-track, not both.",
            )
        if self.dub_start is not None and not self.dub:
            raise PlanError("--dub-start places dub files", remedy="Add --dub FILE.wav.")
        if self.media_roots:
            # recorded with the job, which may go on from another folder
            dub = tuple(replace(file, path=file.path.absolute()) for file in self.dub)
            object.__setattr__(self, "dub", dub)
            roots = tuple(root.absolute() for root in self.media_roots)
            object.__setattr__(self, "media_roots", roots)

    def readable(self, *ours: Path) -> tuple[Path, ...]:
        """Everything that may be opened: the roots, the dub files named by hand, and ``ours``.

        Empty, which is anything, where there are no roots.
        """
        if not self.media_roots:
            return ()
        return (*self.media_roots, *(file.path for file in self.dub), *ours)
