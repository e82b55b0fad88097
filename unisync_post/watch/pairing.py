"""Which files of a drop are its dub, and in which language; every answer with its reason.

1. ``[tracks] dub`` in the drop's settings: the dub is that track of the edit; files are not used.
2. Sound files that fit the first of the preset's patterns that fits any. Files that their names
   give away as the original, as music, effects or a description for the blind are left out.
3. A file's language is what its name says, else what the drop's settings say, else those of the
   watch folder. Where some files name a language and nothing speaks for the others, the others
   are production sound and left out.
4. Every language is an output of its own. Several files of one language are its characters where
   the preset has stems, else the drop is refused.
5. No file: the dub is looked for among the tracks of the edit, as by `unisync dub`.
"""

from __future__ import annotations

import glob
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from ..errors import PlanError
from ..plan.rules import UNDETERMINED, Label, track_rules
from .config import DropSettings, Preset
from .names import folded, is_sound, is_temporary, shown, stem

_NO_VOICES = ("m&e", "music", "effects", "audio description")


@dataclass(frozen=True, slots=True)
class Pair:
    """One output of a drop.

    Attributes:
        language: BCP-47; ``und`` when nothing says it.
        dub: files, relative to the drop; none: a track of the edit.
    """

    language: str
    dub: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Pairing:
    """The outputs of a drop, and sentences that say how they were found."""

    pairs: tuple[Pair, ...]
    reasons: tuple[str, ...]


def pair_dubs(
    edit: str,
    files: Iterable[str],
    preset: Preset,
    settings: DropSettings,
    language: str | None,
) -> Pairing:
    """Pair an edit with its dub files.

    Args:
        edit: the edit's path, relative to the drop.
        files: every file of the drop.
        preset: the layout.
        settings: the drop's own.
        language: of the watch folder, for files whose names do not say it.

    Raises:
        PlanError: several files of one language and the preset knows no stems.
    """
    default = settings.language or language
    if settings.tracks.dub is not None:
        reason = f"The dub is track {settings.tracks.dub} of the edit, says unisync.toml."
        return Pairing((Pair(default or UNDETERMINED),), (reason,))
    pattern, found = _fitting(edit, files, preset.dub)
    labels = {path: _label(path, edit) for path in found}
    reasons = [f"{shown(p)} is no dub: it is {why}." for p, why in _left_out(labels).items()]
    voices = {path: label for path, label in labels.items() if path not in _left_out(labels)}
    named = any(label.language for label in voices.values())
    groups: dict[str, list[str]] = {}
    for path, label in voices.items():
        tag = label.language or default
        if tag is None and named:
            reasons.append(f"{shown(path)} is no dub: other files name a language, it does not.")
            continue
        groups.setdefault(tag or UNDETERMINED, []).append(path)
        how = "its name" if label.language else "the settings" if default else "nothing"
        reasons.append(
            f"{shown(path)} is dub ({tag or UNDETERMINED}, says {how}): it fits {pattern}."
        )
    groups = _wanted(groups, settings.language)
    if not groups:
        reasons.append("No dub file: the dub is looked for among the tracks of the edit.")
        return Pairing((Pair(default or UNDETERMINED),), tuple(reasons))
    _refuse_doubles(groups, preset)
    return Pairing(
        tuple(Pair(tag, tuple(paths)) for tag, paths in sorted(groups.items())), tuple(reasons)
    )


def _fitting(edit: str, files: Iterable[str], patterns: Sequence[str]) -> tuple[str, list[str]]:
    """The first pattern that fits sound, and the files that fit it."""
    sounds = sorted(f for f in files if is_sound(f) and not is_temporary(f))
    name = glob.escape(folded(stem(edit)))
    for pattern in patterns:
        wanted = folded(pattern).replace("{edit}", name)
        depth = wanted.count("/")
        found = [f for f in sounds if f.count("/") == depth and fnmatchcase(folded(f), wanted)]
        if found:
            return pattern.replace("{edit}", shown(stem(edit))), found
    return "", []


def _label(path: str, edit: str) -> Label:
    """What a dub file's name says, beyond the edit's name that it begins with."""
    name = unicodedata.normalize("NFC", stem(PurePosixPath(path).name))
    own = unicodedata.normalize("NFC", stem(edit))
    rest = name[len(own) :] if folded(name).startswith(folded(own)) else name
    if rest.startswith("@"):
        return Label(language=track_rules().language_tag(rest[1:]) or rest[1:])
    return track_rules().read(rest)


def _left_out(labels: dict[str, Label]) -> dict[str, str]:
    """Files without the dub's voices, and what they are instead."""
    out = {}
    for path, label in labels.items():
        if label.stem in _NO_VOICES:
            out[path] = str(label.stem)
        elif label.role == "original":
            out[path] = "the original"
    return out


def _wanted(groups: dict[str, list[str]], language: str | None) -> dict[str, list[str]]:
    """The language that the drop's settings ask for, where the files are in several."""
    if language is None or len(groups) < 2:
        return groups
    tag = track_rules().language_tag(language) or language
    return {tag: groups[tag]} if tag in groups else groups


def _refuse_doubles(groups: dict[str, list[str]], preset: Preset) -> None:
    for tag, paths in groups.items():
        if len(paths) > 1 and not preset.stems:
            listed = " and ".join(shown(path) for path in paths)
            raise PlanError(
                f"Two dub files are in one language ({tag}): {listed}",
                remedy="Keep one of them, or use the preset `stems` if they are characters.",
            )
