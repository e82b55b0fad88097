"""Which audio is the dub, which the original dialogue; found, never guessed.

In this order: files named on the command line, a track named on the command line, the track rules.
Rules look for one language of dialogue that is not the original's. Where two would do, the plan
stops and lists them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from unisync_adapters.document import Document
from unisync_adapters.timebase import Timecode

from ..errors import PlanError, TimeError
from ..media.audio import AudioFileInfo, audio_info
from .media import MediaFinder
from .options import DubFile, PlanOptions
from .plan import DubChoice
from .rules import SPEECH_STEMS, UNDETERMINED, Label, same_language, speakers, track_rules
from .shots import DubClip
from .sound import Fault, sound_of
from .tracks import AudioTrack, audio_tracks, find_track, listed

_NEVER = ("m&e", "music", "effects", "audio description")
"""Stems without the actors' voices, or with a voice that no lips on screen belong to."""


@dataclass(frozen=True)
class Dialogue:
    """The sound that decides what is done.

    Attributes:
        dub: which audio is the dub.
        faults: stretches of the dub that cannot be used, in record seconds.
        original: the original dialogue in record time, where the edit tells.
    """

    dub: DubChoice
    faults: tuple[Fault, ...]
    original: tuple[DubClip, ...]


def find_dialogue(document: Document, options: PlanOptions, media: MediaFinder) -> Dialogue:
    """Choose the dub and the original.

    Raises:
        PlanError: none, or more than one that would do; it lists them and the option to add.
        MediaError: a dub file that cannot be read.
    """
    tracks = audio_tracks(document)
    original = None
    if options.orig_track is not None:
        original = find_track(tracks, options.orig_track, "--orig-track")
    chosen: list[AudioTrack] = []
    faults: tuple[Fault, ...] = ()
    if options.dub:
        dub = _from_files(document, options)
    else:
        chosen, reason = _from_tracks(tracks, options, original)
        dub, faults = _on_tracks(chosen, reason, document, options, media)
    others = [track for track in tracks if track not in chosen]
    originals = [original] if original else _originals(others, dub.language)
    spoken, _ = sound_of(originals, document, media)
    return Dialogue(dub, faults, spoken)


# files -----------------------------------------------------------------------------------------


def _from_files(document: Document, options: PlanOptions) -> DubChoice:
    labels = {file: _file_label(file) for file in options.dub}
    chosen = _one_language(options, labels)
    names = speakers({file: labels[file].rest for file in chosen})
    clips: list[DubClip] = []
    places: list[str] = []
    warnings: list[str] = []
    for file in chosen:
        info = audio_info(file.path)
        start, how = _placed(document, options, info)
        clips.append(_whole_file(info, start, names[file], document))
        places.append(f"{file.path.name} {how}")
        warnings += _cautions(file.path.name, labels[file], info.channels)
    language = next((labels[f].language for f in chosen if labels[f].language), None)
    reason = f"Given on the command line: {', '.join(places)}."
    tag = language or options.language or UNDETERMINED
    return DubChoice(tuple(clips), tag, reason, tuple(warnings))


def _file_label(file: DubFile) -> Label:
    label = track_rules().read(file.path.stem)
    if file.language is None:
        return label
    return replace(label, language=track_rules().language_tag(file.language) or file.language)


def _one_language(options: PlanOptions, labels: dict[DubFile, Label]) -> list[DubFile]:
    """The files of the language wanted; all of them where there is only one."""
    languages = sorted({label.language for label in labels.values() if label.language})
    if options.language is not None:
        fits = [
            f
            for f, label in labels.items()
            if label.language is None or same_language(label.language, _tag(options.language))
        ]
        if fits:
            return fits
    if len(languages) > 1 or options.language is not None:
        raise PlanError(
            f"The dub files are in {' and '.join(languages) or 'no known language'}",
            remedy=f"Say which one with --language {languages[0] if languages else 'TAG'}; "
            "a file's language is said with FILE.wav@LANG.",
        )
    return list(labels)


def _placed(document: Document, options: PlanOptions, info: AudioFileInfo) -> tuple[Fraction, str]:
    """Record seconds at which a dub file begins, and how that is known."""
    zero = start_frame(document)
    if options.dub_start is not None:
        try:
            code = Timecode.parse(options.dub_start, document.rate, document.drop or None)
        except TimeError as error:
            raise PlanError(f"--dub-start: {error}") from error
        return document.rate.seconds(code.frame - zero), f"from {code} (--dub-start)"
    if not info.time_reference:
        return Fraction(0), "from the sequence start (it has no time stamp)"
    start = Fraction(info.time_reference, info.sample_rate) - document.rate.seconds(zero)
    nearest = document.rate.seconds(round(start * document.rate.fps))
    if abs(nearest - start) * info.sample_rate < 1:
        start = nearest  # a frame that does not begin on a whole sample, stamped as the next best
    if start + info.duration <= 0 or start >= _length(document):
        raise PlanError(
            "The time stamp of the dub places it outside the sequence",
            file=info.path,
            remedy="Say where it begins with --dub-start TC.",
        )
    frame = document.rate.frame_at(start) + zero
    code = Timecode(frame, document.rate, document.drop)
    return start, f"from {code} (its BWF time stamp)"


def _whole_file(
    info: AudioFileInfo, start: Fraction, speaker: str | None, document: Document
) -> DubClip:
    """The part of the file that lies on the sequence."""
    skipped = max(Fraction(0), -start)
    end = min(start + info.duration, _length(document))
    return DubClip(
        info.path.absolute(),
        start + skipped,
        skipped,
        max(Fraction(0), end - start - skipped),
        speaker=speaker,
    )


# tracks ----------------------------------------------------------------------------------------


def _from_tracks(
    tracks: Sequence[AudioTrack], options: PlanOptions, original: AudioTrack | None
) -> tuple[list[AudioTrack], str]:
    if options.dub_track is not None:
        track = find_track(tracks, options.dub_track, "--dub-track")
        return [track], f"Track {track.name}, given on the command line."
    by_language = _candidates(tracks, options, original)
    if len(by_language) == 1:
        ((language, chosen),) = by_language.items()
        names = ", ".join(track.name for track in chosen)
        plural = "Tracks" if len(chosen) > 1 else "Track"
        return chosen, f"{plural} {names}, by the track rules: {language} dialogue."
    if not by_language:
        raise PlanError(
            "No audio track of this edit is named as a dub",
            remedy=f"Add --dub FILE.wav, or --dub-track NAME. Its audio tracks are: "
            f"{listed(tracks)}.",
        )
    found = [track for group in by_language.values() for track in group]
    raise PlanError(
        f"Several tracks could be the dub: {listed(found)}",
        remedy=f"Add --dub-track {found[0].number} (or another), or --language "
        f"{' or '.join(by_language)}, or say which is the original with --orig-track.",
    )


def _candidates(
    tracks: Sequence[AudioTrack], options: PlanOptions, original: AudioTrack | None
) -> dict[str, list[AudioTrack]]:
    """Tracks that may be the dub, by language; of each language its cleanest stem."""
    spoken = [
        track
        for track in tracks
        if track is not original
        and track.label.stem not in _NEVER
        and track.label.role != "original"
        and (track.label.language or track.label.role == "dub")
    ]
    known = {original.label.language} if original else _original_languages(tracks)
    wanted = _tag(options.language) if options.language else None
    groups: dict[str, list[AudioTrack]] = {}
    for track in spoken:
        language = track.label.language or UNDETERMINED
        if track.label.role != "dub" and any(same_language(language, other) for other in known):
            continue
        if wanted is not None and not same_language(language, wanted):
            continue
        groups.setdefault(language, []).append(track)
    return {language: _cleanest(group) for language, group in groups.items()}


def _cleanest(group: list[AudioTrack]) -> list[AudioTrack]:
    """Dialogue alone, where there is any; else what there is."""
    return (
        [t for t in group if t.label.stem in SPEECH_STEMS]
        or [t for t in group if t.label.stem is None]
        or group
    )


def _original_languages(tracks: Iterable[AudioTrack]) -> set[str | None]:
    return {t.label.language for t in tracks if t.label.role == "original"} - {None}


def _on_tracks(
    chosen: Sequence[AudioTrack],
    reason: str,
    document: Document,
    options: PlanOptions,
    media: MediaFinder,
) -> tuple[DubChoice, tuple[Fault, ...]]:
    clips, faults = sound_of(chosen, document, media)
    if not clips:
        why = faults[0][2] if faults else f"{listed(chosen)} holds no clip"
        raise PlanError(f"There is no sound on the dub track: {why}")
    languages = [t.label.language for t in chosen if t.label.language]
    language = languages[0] if languages else _tag(options.language or UNDETERMINED)
    warnings = [caution for t in chosen for caution in _cautions(t.name, t.label, 1)]
    warnings += [
        f"{t.name} is switched off in the edit; it is the dub all the same."
        for t in chosen
        if not t.track.enabled
    ]
    return DubChoice(clips, language, reason, tuple(warnings)), faults


def _originals(others: Sequence[AudioTrack], dub_language: str) -> list[AudioTrack]:
    """Tracks that are the original dialogue by their names; else the only other language."""
    named = [t for t in others if t.label.role == "original" and t.label.stem not in _NEVER]
    if named:
        return _cleanest(named)
    speaking = [t for t in others if t.label.language and t.label.stem not in _NEVER]
    speaking = [t for t in speaking if t.label.role != "dub"]
    languages = {t.label.language for t in speaking}
    if len(languages) != 1 or same_language(languages.pop(), dub_language):
        return []
    return _cleanest(speaking)


# shared ----------------------------------------------------------------------------------------


def start_frame(document: Document) -> int:
    """The sequence's start timecode, in frames."""
    return int((document.cut_list.start or 0) // 1)


def _length(document: Document) -> Fraction:
    """Seconds of the sequence."""
    cuts = document.cut_list
    return document.rate.seconds(cuts.length if cuts.trim is None else cuts.trim[1])


def _tag(language: str) -> str:
    return track_rules().language_tag(language) or language


def _cautions(name: str, label: Label, channels: int) -> list[str]:
    """What makes a poor driver: lips follow one clean voice."""
    if label.stem in _NEVER:
        return [f"{name} is named as {label.stem}: lips should be driven by the dialogue stem."]
    if label.stem == "mix" or channels > 2:
        return [f"{name} is a mix: music and effects disturb the lips; give the dialogue stem."]
    if channels == 2:
        return [f"{name} is stereo: it is mixed to mono for the lips; a dialogue stem is better."]
    return []
