"""What is done with one picture clip, and why: the questions in the order an editor would ask."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from unisync_adapters.cutlist import UNCHANGED
from unisync_adapters.document import Document
from unisync_adapters.ramp import Ramp

from ..errors import UniSyncError
from ..media.delivery import Delivery, delivery_for
from ..media.info import MediaInfo
from ..media.probe import check_usable
from ..media.sequences import IMAGE_SEQUENCE, missing_frames
from ..media.viewing import read_colour
from .casting import cast_in, example, settle
from .cut import Cut, cut
from .dialogue import Dialogue
from .exact import Moment, Seconds
from .find import other_clock
from .intervals import Intervals, Span, length
from .listen import SHORTEST, Ear, Speech
from .media import MediaFinder
from .notes import wish_of
from .options import PlanOptions, colour_of
from .plan import Decision
from .walk import Placement


class Verdict(NamedTuple):
    """A decision on one placement.

    Attributes:
        decision, reason: as in :class:`~unisync_post.plan.plan.ClipPlan`.
        speech: seconds of dub speech on its visible pictures; None when not looked at.
        seen: it is on screen, so whatever happens to its clip shows here too.
        cut, info, delivery, face, colour, characters: the work, when the decision is to render.
    """

    decision: Decision
    reason: str
    speech: Moment | None = None
    seen: bool = False
    cut: Cut | None = None
    info: MediaInfo | None = None
    delivery: Delivery | None = None
    face: str | None = None
    colour: str | None = None
    characters: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class _Stop(Exception):  # noqa: N818  an answer, not an error
    """An answer that ends the questions."""

    def __init__(self, decision: Decision, reason: str, seen: bool = True) -> None:
        self.decision, self.reason, self.seen = decision, reason, seen


class _Plate(NamedTuple):
    """What is asked of a media file once, however many clips play it.

    Attributes:
        info: its facts.
        unusable: why it cannot be processed, or None.
        colour: what its values were said to mean; None where its tags say.
        viewed: how it is read, where it is no picture as a display shows it.
        deliveries: what new media will be, by whether a retime is baked into it.
    """

    info: MediaInfo
    unusable: str | None
    colour: str | None
    viewed: tuple[str, ...]
    deliveries: dict[bool, Delivery]


class Judge:
    """Decides on the placements of one edit."""

    def __init__(
        self, document: Document, options: PlanOptions, dialogue: Dialogue, media: MediaFinder
    ) -> None:
        self._rate = document.rate
        self._by_timecode = document.by_timecode
        self.seconds = Seconds(document.rate)
        self._options = options
        self._media = media
        self._faults = Intervals(dialogue.faults)
        self._span = _span(dialogue)
        self._plates: dict[int, _Plate] = {}
        self._characters = frozenset(c.speaker for c in dialogue.dub.clips if c.speaker)
        self._face = options.face and settle(options.face, self._characters)
        self.dub = Ear(dialogue.dub.clips)
        self.original = Ear(dialogue.original)

    def judge(self, placement: Placement) -> Verdict:
        """What to do with this clip.

        Raises:
            MediaError: the dub itself cannot be read.
        """
        spoken: Moment | None = None
        try:
            visible = placement.visible
            self._shown(placement, visible)
            face = self._wished(placement)
            if not placement.clip.speed and not self._options.process_freeze:
                raise _Stop(
                    Decision.LEAVE,
                    "A freeze frame: whether its mouth moves is a creative choice "
                    "(--process-freeze).",
                )
            seen = [(self.seconds[start], self.seconds[end]) for start, end in visible]
            heard = [s for span in seen for s in self.dub.speech(*span)]
            spoken = _total(heard)
            characters = _voices(heard)
            why = self._spoken(seen, characters, spoken)
            self._steady(placement)
            plate, piece, delivery = self._work(placement)
        except _Stop as stop:
            return Verdict(stop.decision, stop.reason, spoken, stop.seen)
        face = face or self._face
        return Verdict(
            Decision.RENDER,
            why + _bake_note(piece),
            spoken,
            True,
            piece,
            plate.info,
            delivery,
            face,
            plate.colour,
            characters,
            piece.warnings
            + _unassigned(characters, face)
            + _cautions(placement)
            + _stand_in(placement.media.raster, (plate.info.width, plate.info.height))
            + plate.viewed,
        )

    def _shown(self, placement: Placement, visible: Sequence[Span]) -> None:
        if placement.off:
            raise _Stop(Decision.LEAVE, f"It is not shown: {placement.off}.", seen=False)
        if placement.idle is not None:
            raise _Stop(Decision.LEAVE, placement.idle, seen=False)
        if not visible:
            raise _Stop(Decision.LEAVE, f"Hidden under {placement.hidden_by[0]}.", seen=False)

    def _wished(self, placement: Placement) -> str | None:
        if not placement.notes:
            return None
        wish = wish_of(placement.notes)
        if wish.problem:
            raise _Stop(Decision.REFUSE, wish.problem)
        if wish.skip:
            raise _Stop(Decision.LEAVE, "A marker says unisync:skip.")
        try:
            return wish.face and settle(wish.face, self._characters)
        except UniSyncError as error:
            raise _Stop(Decision.REFUSE, sentence(f"In a marker: {error}")) from error

    def _spoken(
        self, seen: Sequence[tuple[Fraction, Fraction]], voices: Sequence[str], spoken: Moment
    ) -> str:
        """Why the lips must move, or come to rest."""
        for span in seen if self._faults else ():
            faults = self._faults.over(*span)
            if faults:
                raise _Stop(Decision.REFUSE, sentence(faults[0][2]))
        if spoken >= SHORTEST:
            by = f" by {' and '.join(voices)}" if voices else ""
            return f"{float(spoken):.1f} s of dub speech{by}."
        if not any(self._in_dub(span) for span in seen):
            raise _Stop(Decision.LEAVE, "The dub does not reach here.")
        originally = _total([s for span in seen for s in self.original.speech(*span)])
        if originally >= SHORTEST:
            return (
                f"The dub is silent where the original speaks for {float(originally):.1f} s: "
                "the mouth comes to rest."
            )
        raise _Stop(Decision.LEAVE, "No dub speech under it.")

    def _steady(self, placement: Placement) -> None:
        """A speed ramp is rendered only when asked for: by then it is no ramp any more."""
        if placement.ramp is None:
            return
        if not (self._options.ramps or wish_of(placement.notes).ramp):
            raise _Stop(
                Decision.REFUSE,
                "Its speed changes over time (a ramp): --ramps, or a marker unisync:ramp on it, "
                "renders it from the frames as played.",
            )

    def _work(self, placement: Placement) -> tuple[_Plate, Cut, Delivery]:
        if placement.clip.refuse is not None:
            raise _Stop(Decision.REFUSE, sentence(placement.clip.refuse))
        if not placement.origin:
            raise _Stop(Decision.REFUSE, "This edit format gives no way to relink this clip.")
        if placement.retimed_nest is not None:
            raise _Stop(
                Decision.REFUSE,
                f"It stands in the nest “{placement.retimed_nest}”, whose speed is changed; "
                "decompose the nest.",
            )
        try:
            info = self._media.picture(placement.clip)
            plate = self._plate(info)
            unusable = plate.unusable
            if unusable is None and self._by_timecode:
                unusable = other_clock(placement.clip, info, self._rate)
            if unusable is not None:
                raise _Stop(Decision.REFUSE, sentence(unusable))
            piece = cut(placement, info, self._rate, self._options.handles)
            if info.container == IMAGE_SEQUENCE:
                lacking = missing_frames(info.path, piece.source.start, piece.source.count)
                if lacking is not None:
                    raise _Stop(Decision.REFUSE, sentence(lacking))
            return plate, piece, self._delivery(plate, piece)
        except UniSyncError as error:
            raise _Stop(Decision.REFUSE, sentence(str(error))) from error

    def _plate(self, info: MediaInfo) -> _Plate:
        known = self._plates.get(id(info))  # which a plate keeps, so that it stays its own
        if known is not None:
            return known
        said = colour_of(self._options.colour, info.path)
        read = read_colour(info, said)
        viewed = () if read.encoding is None else (f"Its values are {read.reason}.",)
        plate = _Plate(info, check_usable(info), said or info.encoding, viewed, {})
        self._plates[id(info)] = plate
        return plate

    def _delivery(self, plate: _Plate, piece: Cut) -> Delivery:
        baked = piece.rate is not plate.info.rate
        delivery = plate.deliveries.get(baked)
        if delivery is None:
            delivery = delivery_for(plate.info, piece.rate, self._options.mezzanine)
            plate.deliveries[baked] = delivery
        return delivery

    def _in_dub(self, span: tuple[Fraction, Fraction]) -> bool:
        return self._span is not None and span[0] < self._span[1] and self._span[0] < span[1]


def sentence(text: str) -> str:
    """With its full stop, unless it ends in a command to type."""
    return text if text.endswith((".", "?", "!", ".mov")) else f"{text}."


def _span(dialogue: Dialogue) -> tuple[Moment, Moment] | None:
    """From the first to the last sound of the dub: outside, nothing was dubbed."""
    spans = [(clip.record, clip.record + clip.duration) for clip in dialogue.dub.clips]
    return (min(a for a, _ in spans), max(b for _, b in spans)) if spans else None


def _total(speech: Sequence[Speech]) -> Moment:
    return speech[0].seconds if len(speech) == 1 else length((s.start, s.end) for s in speech)


def _voices(speech: Sequence[Speech]) -> tuple[str, ...]:
    """The characters of whom more is heard than a neighbour's tail."""
    names = dict.fromkeys([s.speaker for s in speech if s.speaker])
    if not names:
        return ()
    own = {name: [s for s in speech if s.speaker == name] for name in names}
    return tuple(name for name, spoken in own.items() if _total(spoken) >= SHORTEST)


def _bake_note(piece: Cut) -> str:
    if isinstance(piece.speed, Ramp):
        return " Its speed ramp is baked into the new media, frame by frame as played, unblended."
    if piece.speed is UNCHANGED or piece.speed == 1:
        return ""
    return f" Its speed of {float(piece.speed * 100):g} % is baked into the new media."


def _unassigned(characters: Sequence[str], face: str | None) -> tuple[str, ...]:
    """Characters who speak and to whom nobody gave a face."""
    if len(characters) < 2:
        return ()
    cast = cast_in(face)
    faceless = [name for name in characters if name not in cast]
    if not faceless:
        return ()
    if len(faceless) < len(characters):
        return (f"No face is given to {' and '.join(faceless)}, heard under it, too",)
    return (
        f"{len(characters)} voices speak under it ({', '.join(characters)}): if several of their "
        f"faces are in the picture, say whose is which: unisync:face={example(characters)}",
    )


def _cautions(placement: Placement) -> tuple[str, ...]:
    cautions = []
    if placement.hidden_by:
        cautions.append(f"Partly hidden under {placement.hidden_by[0]}; all of it is rendered")
    if placement.under:
        cautions.append(f"Lies under {placement.under[0]}, which lets it through")
    if placement.through:
        cautions.append("Scaled or faded in the edit; its full source picture is processed")
    return tuple(cautions)


@lru_cache(maxsize=256)
def _stand_in(known: tuple[float, ...] | None, raster: tuple[int, int]) -> tuple[str, ...]:
    """A file of another size than the edit knows: most likely a proxy, and delivered as one."""
    if known is None or known == raster:
        return ()
    theirs, ours = ("×".join(map(str, size)) for size in (known, raster))
    return (
        f"The edit knows this media as {theirs}, the file is {ours}: a proxy? "
        "The new media has the file's size",
    )
