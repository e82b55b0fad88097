"""Small AAFs, made with pyaaf2 in the structure that Media Composer and Premiere write. Synthetic.

A track is a list of pieces: ``Shot``, ``Filler``, ``Cut`` (a transition), ``Fast`` (a constant
speed), ``Ramp``, ``Muted``, ``Nest``, ``Layers``, ``Wrapped`` (an effect over one clip), ``Blend``
(an effect over clips or over the track ``Below``, with parameters).
"""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

from aaf2.auid import AUID
from aaf2.file import AAFFile
from aaf2.mobid import MobID
from aaf2.rational import AAFRational

WHEN = datetime(2026, 3, 1, 12, 0, 0)
FPS = Fraction(25)
OPERATIONS = {
    "VideoDissolve": "0c3bea40-fc05-11d2-8a29-0050040ef7d2",
    "Video Speed Control": "9d2ea893-0968-11d3-8a38-0050040ef7d2",
    "Motion Control": "1575e350-fca3-11d2-8a29-0050040ef7d2",
    "Mask": "1575e351-fca3-11d2-8a29-0050040ef7d2",
    "Submaster": "1575e352-fca3-11d2-8a29-0050040ef7d2",
    "Strange Warp": "1575e353-fca3-11d2-8a29-0050040ef7d2",
    "SBlend_v2": "47052d96-effc-431a-b2fe-3b4291c5d8fd",
    "MaskImage_2": "61875cf7-fdea-329f-8e71-152ef1599f39",
    "MatteKey_2": "0c864774-e428-3b2d-8115-1c736806191a",
    "Video Scale": "2e0a119d-e6f7-4bee-b5dc-6dd42988687e",
    "Video Crop": "f5826680-26c5-4149-8554-43d3c7a3bc09",
    "Luminance Key": "38ff7903-69e5-476b-beea-fcfc2000f011",
    # of these the ids are not known; nothing looks at them
    "Picture-In-Picture_v2": str(uuid.uuid5(uuid.NAMESPACE_URL, "pip")),
    "PaintResize_v2": str(uuid.uuid5(uuid.NAMESPACE_URL, "resize")),
    "Superimpose_2": str(uuid.uuid5(uuid.NAMESPACE_URL, "superimpose")),
    "Video Opacity": str(uuid.uuid5(uuid.NAMESPACE_URL, "opacity")),
    "Color Effect": str(uuid.uuid5(uuid.NAMESPACE_URL, "colour")),
}
PARAMETERS = {
    "Speed Ratio": "72559a80-24d7-11d3-8a50-0050040ef7d2",
    "PARAM_SPEED_MAP_U": "8d56813d-847e-11d5-935a-50f857c10000",
    "PARAM_SPEED_OFFSET_MAP_U": "8d56813e-847e-11d5-935a-50f857c10000",
}
AVID = {
    "AFX_SCALE_X_U": "8d568129-847e-11d5-935a-50f857c10000",
    "AFX_SCALE_Y_U": "8d56812a-847e-11d5-935a-50f857c10000",
    "AFX_FG_KEY_OPACITY_U": "8d56813d-847e-11d5-935a-50f857c10000",
    "AFX_CROP_LEFT_U": str(uuid.uuid5(uuid.NAMESPACE_URL, "crop")),
    "DVE_SCALE_ENABLED_U": "8d5681b2-847e-11d5-935a-50f857c10000",
    "DVE_SCALE_X_U": "8d5681b3-847e-11d5-935a-50f857c10000",
    "AvidEffectID": "93994bd6-a81d-11d3-a05b-006094eb75cb",
}
"""What Avid calls parameters, and their ids; the first two are ratios in the Edit Protocol."""
STANDARD = {
    "Scale X": AVID["AFX_SCALE_X_U"],
    "Scale Y": AVID["AFX_SCALE_Y_U"],
    "Crop Left": "d47b3377-318c-4657-a9d8-75811b6dc3d1",
    "Crop Right": "5ecc9dd5-21c1-462b-9fec-c2bd85f14033",
    "Level of Opacity": "cb7c0ec4-f45f-4ee6-aef0-c63ddb134924",
}
"""Parameters of the Edit Protocol and of AS-05, which may have any name."""
LINEAR = "5b6c85a4-0ede-11d3-80a9-006008143e6f"


@dataclass(frozen=True)
class Media:
    """A clip in the bin, its file and its tape; ``sound_track`` is the channel of its sound."""

    name: str = "A001C003"
    url: str | None = "file:///Volumes/media/A001C003.mov"
    rate: Fraction = FPS
    length: int = 500
    start: int = 90_000
    drop: bool = False
    reel: str | None = "A001"
    embedded: bool = False
    usage: str | None = None
    raster: tuple[int, int] = (1920, 1080)
    sound_track: int = 3


@dataclass(frozen=True)
class Shot:
    media: int = 0
    start: int = 0
    length: int = 50


@dataclass(frozen=True)
class Filler:
    length: int = 10


@dataclass(frozen=True)
class Cut:
    """A dissolve; ``length`` of both neighbours lies under it, ``cut`` of that before the cut."""

    length: int = 8
    cut: int = 4


@dataclass(frozen=True)
class Fast:
    """A constant speed over one shot, as Avid (a speed map) or as the specification has it."""

    shot: Shot = field(default_factory=Shot)
    length: int = 25
    speed: Fraction = Fraction(2)
    avid: bool = True


@dataclass(frozen=True)
class Ramp:
    shot: Shot = field(default_factory=Shot)
    length: int = 25


@dataclass(frozen=True)
class Wrapped:
    """One picture effect over one shot."""

    shot: Any = field(default_factory=Shot)
    operation: str = "Mask"
    rendered: bool = False


@dataclass(frozen=True)
class Muted:
    shot: Shot = field(default_factory=Shot)


@dataclass(frozen=True)
class Nest:
    """A composition, by its place in :attr:`Sample.nests`, played as a clip."""

    nest: int = 0
    start: int = 0
    length: int = 20


@dataclass(frozen=True)
class Layers:
    """An effect over several inputs, each a track."""

    tracks: tuple[tuple[Any, ...], ...] = ((Shot(),), (Filler(50),))


@dataclass(frozen=True)
class Below:
    """The track so many under this one, as the input of an effect."""

    tracks: int = 1
    length: int = 50


@dataclass(frozen=True)
class Blend:
    """One effect with parameters: constants, or (time, value) of keyframes.

    An input is a piece, or several in a row.
    """

    inputs: tuple[Any, ...] = (Below(), Shot())
    operation: str = "SBlend_v2"
    values: tuple[tuple[str, Any], ...] = ()


@dataclass
class Sample:
    """An AAF to be.

    Attributes:
        tracks: picture tracks, bottom first; more than one is written as one scope, as Avid does.
            A ``Blend`` in place of one is an effect over all of it.
        sound: sound tracks.
        nests: compositions that a :class:`Nest` may play: one picture track each.
        markers: (frame, comment) on the first picture slot.
        others: names of more top-level compositions.
        slots: picture tracks have a slot each, as Resolve writes them.
    """

    tracks: Sequence[Any] = ((Shot(),),)
    media: Sequence[Media] = (Media(),)
    sound: Sequence[Sequence[Any]] = ()
    nests: Sequence[Sequence[Any]] = ()
    markers: Sequence[tuple[int, str]] = ()
    others: Sequence[str] = ()
    name: str = "cut_v1"
    rate: Fraction = FPS
    start: int = 90_000
    drop: bool = False
    sector: int = 4096
    slots: bool = False

    def data(self) -> bytes:
        """The AAF's bytes."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "cut.aaf"
            # pyaaf2's own extensions are not needed, and take half the time
            with AAFFile(str(path), "w", sector_size=self.sector, extensions=False) as file:
                _Builder(file, self).build()
            return path.read_bytes()


def mob_id(text: str) -> Any:
    """A MobID that is the same in every run."""
    identity = MobID()
    identity.SMPTELabel = (6, 10, 43, 52, 1, 1, 1, 5, 1, 1, 15, 32)
    identity.length = 0x13
    identity.material = AUID(str(uuid.uuid5(uuid.NAMESPACE_URL, text)))
    return identity


class _Builder:
    def __init__(self, file: Any, sample: Sample) -> None:
        self.file = file
        self.sample = sample
        self.make = file.create
        self.clips: list[Any] = []
        self.compositions: list[Any] = []

    def build(self) -> None:
        self._define()
        self.clips = [self._media(i, media) for i, media in enumerate(self.sample.media)]
        self.compositions = [
            self._mob("CompositionMob", f"nest{number}", f"nest {number}")
            for number in range(len(self.sample.nests))
        ]
        for nest, track in zip(self.compositions, self.sample.nests, strict=True):
            self._slot(nest, 1, self._sequence(track))
        edit = self._mob("CompositionMob", "edit", self.sample.name)
        edit.usage = "Usage_TopLevel"
        self._fill(edit)
        for name in self.sample.others:
            other = self._mob("CompositionMob", name, name)
            other.usage = "Usage_TopLevel"
            self._slot(other, 1, self._sequence([Shot()]))

    def _fill(self, edit: Any) -> None:
        sample = self.sample
        code = self.make.Timecode(_nominal(sample.rate), sample.drop, 10_000)
        code.start = sample.start
        self._slot(edit, 1, code)
        if len(sample.tracks) == 1:
            self._slot(edit, 2, self._sequence(sample.tracks[0]))
        elif sample.slots:
            for number, track in enumerate(sample.tracks, 2):
                self._slot(edit, number, self._sequence(track), number - 1)
        elif sample.tracks:
            scope = self.make.NestedScope("picture", 1000)
            scope["Slots"].value = [self._sequence(track) for track in sample.tracks]
            self._slot(edit, 2, scope)
        for number, track in enumerate(sample.sound, 1):
            self._slot(edit, 10 + number, self._sequence(track, "sound"), number)
        if sample.markers:
            self._markers(edit)

    def _markers(self, edit: Any) -> None:
        slot = self.make.EventMobSlot()
        slot["SlotID"].value = 1000
        slot.edit_rate = _rational(self.sample.rate)
        slot["PhysicalTrackNumber"].value = 1
        sequence = self.make.Sequence("DescriptiveMetadata")
        for frame, comment in self.sample.markers:
            marker = self.make.DescriptiveMarker()
            marker["Position"].value = frame
            marker["Comment"].value = comment
            marker["DescribedSlots"].value = {2}
            sequence.components.append(marker)
        slot.segment = sequence
        edit.slots.append(slot)

    def _define(self) -> None:
        dictionary = self.file.dictionary
        linear = self.make.InterpolationDef(LINEAR, "LinearInterp", "LinearInterp")
        dictionary.register_def(linear)
        rational = dictionary.lookup_typedef("Rational")
        parameters = {}
        for name, auid in PARAMETERS.items():
            parameters[name] = self.make.ParameterDef(auid, name, "", rational)
            dictionary.register_def(parameters[name])
        for name, (auid, kind) in self._stated().items():
            definition = self.make.ParameterDef(auid, name, "", dictionary.lookup_typedef(kind))
            dictionary.register_def(definition)
        for name, auid in OPERATIONS.items():
            operation = self.make.OperationDef(auid, name)
            dictionary.register_def(operation)
            operation.media_kind = "picture"
            operation["NumberInputs"].value = 1
            operation["IsTimeWarp"].value = name in (
                "Video Speed Control",
                "Motion Control",
                "Strange Warp",
            )
            operation["Bypass"].value = 0
            operation["OperationCategory"].value = "OperationCategory_Effect"
            wanted = {
                "Video Speed Control": ["Speed Ratio"],
                "Motion Control": ["PARAM_SPEED_MAP_U", "PARAM_SPEED_OFFSET_MAP_U"],
            }.get(name, [])
            if wanted:
                operation.parameters.extend([parameters[p] for p in wanted])

    def _stated(self) -> dict[str, tuple[str, str]]:
        """Id and type of every parameter that the effects of this edit state."""
        used = {name for piece in self._pieces() for name, _ in piece.values}
        kinds = {"DVE_SCALE_ENABLED_U": "Boolean", "AvidEffectID": "aafUInt8Array"}
        return {
            name: (auid, kinds.get(name, "Rational"))
            for name, auid in (*AVID.items(), *STANDARD.items())
            if name in used
        }

    def _pieces(self) -> list[Blend]:
        tracks = (*self.sample.tracks, *self.sample.nests)
        pieces = [p for track in tracks for p in ([track] if isinstance(track, Blend) else track)]
        return [piece for piece in pieces if isinstance(piece, Blend)]

    def _mob(self, kind: str, key: str, name: str) -> Any:
        mob = getattr(self.make, kind)(name)
        mob.mob_id = mob_id(key)
        mob["CreationTime"].value = mob["LastModified"].value = WHEN
        self.file.content.mobs.append(mob)
        return mob

    def _slot(
        self, mob: Any, number: int, segment: Any, track: int = 1, rate: Fraction | None = None
    ) -> Any:
        slot = mob.create_timeline_slot(_rational(rate or self.sample.rate), number)
        slot["PhysicalTrackNumber"].value = track
        slot.segment = segment
        return slot

    def _media(self, number: int, media: Media) -> Any:
        tape = self._mob("SourceMob", f"tape{number}", media.reel or media.name)
        if media.reel:
            tape.descriptor = self.make.TapeDescriptor()
        else:
            tape.descriptor = self.make.ImportDescriptor()
        self._slot(tape, 1, self._clip(None, 0, media.length), rate=media.rate)
        code = self.make.Timecode(_nominal(media.rate), media.drop, media.length)
        code.start = media.start
        self._slot(tape, 2, code, rate=media.rate)
        file = self._mob("SourceMob", f"file{number}", f"{media.name}.PHYS")
        file.descriptor = self._descriptor(media)
        self._slot(file, 1, self._clip(tape, 0, media.length), rate=media.rate)
        if media.embedded:
            essence = self.make.EssenceData()
            essence.mob_id = file.mob_id
            self.file.content.essencedata.append(essence)
            essence.open("w").write(b"pictures" * 1000)
        master = self._mob("MasterMob", f"clip{number}", media.name)
        if media.usage:
            master.usage = media.usage
        master.comments["Scene"] = "12A"
        self._slot(master, 1, self._clip(file, 0, media.length), rate=media.rate)
        self._slot(
            master, 2, self._clip(file, 0, media.length, "sound"), media.sound_track, media.rate
        )
        return master

    def _descriptor(self, media: Media) -> Any:
        described = self.make.CDCIDescriptor()
        described["SampleRate"].value = _rational(media.rate)
        described["Length"].value = media.length
        described["StoredWidth"].value, described["StoredHeight"].value = media.raster
        described["ComponentWidth"].value = 10
        described["HorizontalSubsampling"].value = 2
        described["FrameLayout"].value = "FullFrame"
        described["VideoLineMap"].value = [42, 0]
        described["ImageAspectRatio"].value = "16/9"
        if media.url is not None:
            locator = self.make.NetworkLocator()
            locator["URLString"].value = media.url
            described["Locator"].value = [locator]
        return described

    def _clip(self, mob: Any, start: int, length: int, kind: str = "picture", slot: int = 1) -> Any:
        clip = self.make.SourceClip(start=start, length=length, media_kind=kind)
        if mob is not None:
            clip.mob, clip.slot_id = mob, slot
        return clip

    def _sequence(self, pieces: Any, kind: str = "picture") -> Any:
        if isinstance(pieces, Blend):
            return self._piece(pieces, kind)
        sequence = self.make.Sequence(kind, _length(pieces))
        for piece in pieces:
            sequence.components.append(self._piece(piece, kind))
        return sequence

    def _piece(self, piece: Any, kind: str) -> Any:
        if isinstance(piece, tuple):
            return self._sequence(piece, kind)
        if isinstance(piece, Shot):
            slot = 2 if kind == "sound" else 1
            return self._clip(self.clips[piece.media], piece.start, piece.length, kind, slot)
        if isinstance(piece, Filler):
            return self.make.Filler(kind, piece.length)
        if isinstance(piece, Cut):
            transition = self.make.Transition(kind, piece.length)
            transition.cutpoint = piece.cut
            transition["OperationGroup"].value = self._group("VideoDissolve", piece.length, [])
            return transition
        if isinstance(piece, Nest):
            return self._clip(self.compositions[piece.nest], piece.start, piece.length, kind)
        if isinstance(piece, Muted):
            selector = self.make.Selector(kind, piece.shot.length)
            selector["Selected"].value = self.make.Filler(kind, piece.shot.length)
            selector["Alternates"].value = [self._piece(piece.shot, kind)]
            return selector
        if isinstance(piece, Below):
            scope = self.make.ScopeReference(kind, piece.length)
            scope["RelativeScope"].value, scope["RelativeSlot"].value = 1, piece.tracks
            return self._wrapped(scope)
        if isinstance(piece, Blend):
            group = self._group(
                piece.operation, _length([piece]), [self._piece(i, kind) for i in piece.inputs]
            )
            for name, value in piece.values:
                self._state(group, name, value)
            return group
        if isinstance(piece, Layers):
            length = _length(piece.tracks[0])
            inputs = [self._sequence(track, kind) for track in piece.tracks]
            return self._group("Submaster", length, inputs)
        return self._effect(piece, kind)

    def _effect(self, piece: Any, kind: str) -> Any:
        inner = self._piece(piece.shot, kind)
        if isinstance(piece, Wrapped):
            group = self._group(piece.operation, _length([piece.shot]), [inner])
            if piece.rendered:
                group["Rendering"].value = self._clip(self.clips[0], 0, 5)
            return group
        if isinstance(piece, Ramp):
            group = self._group("Motion Control", piece.length, [inner])
            self._varying(group, "PARAM_SPEED_MAP_U", [(0, Fraction(1)), (24, Fraction(2))])
            return group
        if not piece.avid:
            group = self._group("Video Speed Control", piece.length, [inner])
            ratio = _rational(1 / piece.speed if piece.speed else Fraction(0))
            group.parameters.append(self.make.ConstantValue("Speed Ratio", ratio))
            return group
        group = self._group("Motion Control", piece.length, [inner])
        self._varying(group, "PARAM_SPEED_MAP_U", [(0, piece.speed)])
        played = piece.speed * piece.length
        first = Fraction(0) if piece.speed >= 0 else piece.speed - played
        points = [(0, first), (piece.length, first + played)]
        self._varying(group, "PARAM_SPEED_OFFSET_MAP_U", points)
        return group

    def _wrapped(self, component: Any) -> Any:
        sequence = self.make.Sequence("picture", component.length)
        sequence.components.append(component)
        return sequence

    def _state(self, group: Any, name: str, value: Any) -> None:
        if isinstance(value, tuple):
            self._varying(group, name, [(time, Fraction(v)) for time, v in value])
            return
        stated: Any = value if isinstance(value, bool) else None
        if isinstance(value, str):
            stated = [*value.encode(), 0]
        elif stated is None:
            stated = _rational(Fraction(value))
        group.parameters.append(self.make.ConstantValue(name, stated))

    def _varying(self, group: Any, name: str, points: list[tuple[int, Fraction]]) -> None:
        varying = self.make.VaryingValue(name, "LinearInterp")
        for time, value in points:
            varying.add_keyframe(_rational(Fraction(time)), _rational(value))
        group.parameters.append(varying)

    def _group(self, operation: str, length: int, inputs: list[Any]) -> Any:
        group = self.make.OperationGroup(operation, length, "picture")
        if inputs:
            group.segments.extend(inputs)
        return group


def _length(pieces: Sequence[Any]) -> int:
    total = 0
    for piece in pieces:
        if isinstance(piece, Cut):
            total -= piece.length
        elif isinstance(piece, tuple):
            total += _length(piece)
        elif isinstance(piece, Muted | Wrapped):
            total += _length([piece.shot])
        elif isinstance(piece, Blend):
            total += _length(piece.inputs[-1:])
        elif isinstance(piece, Layers):
            total += _length(piece.tracks[0])
        else:
            total += piece.length
    return total


def _nominal(rate: Fraction) -> int:
    return -(-rate.numerator // rate.denominator)


def _rational(value: Fraction) -> Any:
    return AAFRational(value.numerator, value.denominator)
