"""Making the plan: every picture clip of the edit, what will be done with it, and why.

Nothing is written. A plan of one edit, one dub and the same media is always the same plan.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from fractions import Fraction
from functools import lru_cache
from itertools import chain

import xxhash

from unisync_adapters.collector import long_lived
from unisync_adapters.document import Document
from unisync_adapters.ramp import Ramp
from unisync_adapters.timebase import FrameRange, Rate, timecode

from ..driver import CONTEXT
from ..media.delivery import AUTO
from ..media.info import MediaInfo
from ..media.roots import confined
from .casting import cast_in
from .cut import Cut
from .decide import Judge, Verdict
from .dialogue import find_dialogue, start_frame
from .exact import Moment, difference, seconds, total
from .lay import lays_of
from .media import MediaFinder, written_media
from .options import ColourRule, PlanOptions
from .plan import ClipPlan, Decision, Plan
from .relink import new_name
from .rules import name_key
from .shots import DubClip, Shot
from .takes import kept_takes
from .walk import Placement, placements

_FORMAT = b"unisync shot 3"


def make_plan(
    document: Document, options: PlanOptions, *, taken: Collection[str] = frozenset()
) -> Plan:
    """Plan one edit with one dub.

    Args:
        document: the opened edit.
        options: what a person said.
        taken: timeline names that are not free for the result.

    Raises:
        PlanError: it is not clear which audio is the dub.
        MediaError: the dub cannot be read.
    """
    with long_lived(), confined(options.readable()):
        return _plan(document, options, taken)


def _plan(document: Document, options: PlanOptions, taken: Collection[str]) -> Plan:
    media = MediaFinder(document, options.media)
    dialogue = find_dialogue(document, options, media)
    judge = Judge(document, options, dialogue, media)
    found = placements(document)
    language = dialogue.dub.language
    decided = [_decided(placement, judge, language, options) for placement in found]
    settled = _one_result_each(found, decided)
    name = document.cut_list.name or document.path.stem
    zero = start_frame(document)
    lays, laying = lays_of(document, dialogue.dub, options)
    return Plan(
        edit=str(document.path.absolute()),
        edit_sha256=hashlib.sha256(document.data).hexdigest(),
        name=name,
        new_name=new_name(name, language, {name, *taken}),
        rate=document.rate,
        drop=document.drop,
        start_frame=zero,
        dub=dialogue.dub,
        clips=tuple(
            _clip_plan(index, p, v, shot, document, zero, judge)
            for index, (p, (v, shot)) in enumerate(zip(found, settled, strict=True), 1)
        ),
        warnings=(
            *_offline_warning(media),
            *_idle_rules(options.colour, [shot for _, shot in settled]),
            *laying,
            *kept_takes(document, options, [shot for _, shot in settled]),
        ),
        lays=lays,
        keep_takes=options.keep_takes,
    )


def shot_key(
    info: MediaInfo,
    piece: Cut,
    dub: bytes,
    *,
    face: str | None,
    colour: str | None = None,
    mezzanine: str | None = None,
    characters: tuple[str, ...] = (),
) -> str:
    """Content hash of a shot: what is shown, what is heard, and what was asked for.

    The names of ``characters`` are part of it where they decide which face follows whom.

    Moved or renamed media and a shot that only moved in the cut keep their key; so does the same
    stretch used in two places with the same dub, and a shot that sounds the same in two languages
    (a song, a line that is not dubbed, a mouth that comes to rest).
    """
    speed = chain(*piece.speed.knots) if isinstance(piece.speed, Ramp) else (piece.speed,)
    exact = (piece.source.rate.fps, piece.start, *speed, piece.rate.fps)
    parts = (
        info.identity,
        (piece.source.start, piece.source.count, piece.length, piece.head),
        [number.as_integer_ratio() for number in exact],
        dub.hex(),
        face,
        *[said for said in (colour, mezzanine) if said is not None],
        *((characters,) if characters else ()),
    )
    return xxhash.xxh3_128_hexdigest(_FORMAT + repr(parts).encode())


def _decided(
    placement: Placement, judge: Judge, language: str, options: PlanOptions
) -> tuple[Verdict, Shot | None]:
    verdict = judge.judge(placement)
    if verdict.decision is not Decision.RENDER:
        return verdict, None
    return verdict, _shot(placement, verdict, judge, language, options)


def _shot(
    placement: Placement, verdict: Verdict, judge: Judge, language: str, options: PlanOptions
) -> Shot:
    piece, info, delivery = verdict.cut, verdict.info, verdict.delivery
    assert piece is not None
    assert info is not None
    assert delivery is not None
    due = piece.dub_start
    window = (difference(due, CONTEXT), total(due, _heard(piece.length, piece.rate)))
    sound = judge.dub.digest(due, *window)
    mezzanine = None if delivery.splice or options.mezzanine == AUTO else options.mezzanine
    original = judge.original.pieces(*window)
    return Shot(
        key=shot_key(
            info,
            piece,
            sound,
            face=verdict.face,
            colour=verdict.colour,
            mezzanine=mezzanine,
            characters=_deciding(verdict, original),
        ),
        origin=placement.origin,
        name=placement.clip.name or info.path.stem,
        media=info.path,
        source=piece.source,
        record=piece.record,
        head=piece.head,
        tail=piece.tail,
        length=piece.length,
        rate=piece.rate,
        start=piece.start,
        dub_start=piece.dub_start,
        speed=piece.speed,
        dub=judge.dub.pieces(*window),
        original=original,
        language=language,
        face=verdict.face,
        colour=verdict.colour,
        mezzanine=mezzanine,
        suffix=delivery.suffix,
        identity=info.identity,
        characters=verdict.characters,
    )


@lru_cache(maxsize=256)
def _heard(length: int, rate: Rate) -> Fraction:
    """Seconds from the first frame of a shot to the end of the sound that it is rendered with."""
    return seconds(length, rate) + CONTEXT


def _deciding(verdict: Verdict, original: Sequence[DubClip]) -> tuple[str, ...]:
    """The characters whose names decide which face is theirs: asked for by name, or several who
    can be told apart by their original lines."""
    if not verdict.characters or cast_in(verdict.face):
        return verdict.characters
    spoke = {name_key(piece.speaker) for piece in original if piece.speaker}
    known = [name for name in verdict.characters if name_key(name) in spoke]
    several = verdict.face is None and known and len(verdict.characters) > 1
    return verdict.characters if several else ()


def _one_result_each(
    found: Sequence[Placement], decided: Sequence[tuple[Verdict, Shot | None]]
) -> list[tuple[Verdict, Shot | None]]:
    """A clip in a nest that is used several times can play only one new media.

    It gets one where every use that is on screen asks for the same; else all are refused.
    """
    settled = list(decided)
    seen = [i for i, p in enumerate(found) if p.origin and decided[i][0].seen]
    often = Counter(found[index].origin for index in seen)
    uses: defaultdict[str, list[int]] = defaultdict(list)
    for index in seen:
        if often[found[index].origin] > 1:
            uses[found[index].origin].append(index)
    for indices in uses.values():
        rendered = [shot for index in indices if (shot := decided[index][1]) is not None]
        if not rendered:
            continue
        if _agree([(found[index].start, decided[index][1]) for index in indices]):
            for index in indices:
                verdict, shot = decided[index]
                if shot is not None:
                    settled[index] = (verdict, rendered[0])
            continue
        for index in indices:
            settled[index] = (_refused(decided[index][0], len(indices)), None)
    return settled


def _agree(uses: Sequence[tuple[Moment, Shot | None]]) -> bool:
    """Whether one new media serves all uses: the same place in the edit (a nest cut in two), or
    the same picture with the same dub."""
    if len({start for start, _ in uses}) == 1:
        return len({shot.key for _, shot in uses if shot is not None}) == 1
    return len({None if shot is None else shot.key for _, shot in uses}) == 1


def _refused(verdict: Verdict, uses: int) -> Verdict:
    reason = (
        f"It stands in a nest that is used {uses} times with different dub under it; "
        "decompose one of the uses."
    )
    return verdict._replace(decision=Decision.REFUSE, reason=reason, warnings=())


def _clip_plan(
    index: int,
    placement: Placement,
    verdict: Verdict,
    shot: Shot | None,
    document: Document,
    zero: int,
    judge: Judge,
) -> ClipPlan:
    first, end = placement.window
    return ClipPlan(
        index=index,
        origin=placement.origin,
        name=placement.clip.name,
        track=placement.track,
        record=FrameRange(first, end - first, document.rate),
        timecode=timecode(zero + first, document.rate, document.drop),
        media=placement.media.url or written_media(placement.clip),
        dub=_dub_names(judge, placement),
        speech=None if verdict.speech is None else float(verdict.speech),
        decision=verdict.decision,
        reason=verdict.reason,
        shot=shot,
        warnings=verdict.warnings,
    )


def _dub_names(judge: Judge, placement: Placement) -> tuple[str, ...]:
    first, end = placement.window
    pieces = judge.dub.pieces(judge.seconds[first], judge.seconds[end])
    return tuple(dict.fromkeys([piece.path.name for piece in pieces]))


def _idle_rules(rules: Sequence[ColourRule], shots: Sequence[Shot | None]) -> tuple[str, ...]:
    """What was said of the colour of files that are not rendered: a slip of the pen, perhaps."""
    if not rules:
        return ()
    plates = {shot.media for shot in shots if shot is not None}
    idle = [rule for rule in rules if not any(map(rule.fits, plates))]
    return tuple(f"--colour {r.pattern}={r.encoding} fits no plate that is dubbed" for r in idle)


def _offline_warning(media: MediaFinder) -> tuple[str, ...]:
    if not media.offline:
        return ()
    files = ", ".join(media.offline)
    return (
        f"{len(media.offline)} media offline: {files}. Say where they are with "
        "--path-map THEIRS=HERE, or name folders to search with --media",
    )
