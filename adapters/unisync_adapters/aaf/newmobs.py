"""The mobs of new media: a clip in the bin, its file, and the tape that carries its timecode.

Their ids are derived from what they stand for (version 5 UUIDs inside SMPTE ST 330 UMIDs) and their
dates are the edit's own, so that one patch gives the same bytes every time, and the same media
brought home in two edits of a project is one clip in its bin.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from aaf2 import core
from aaf2.auid import AUID
from aaf2.mobid import MobID
from aaf2.rational import AAFRational

from ..document import Relink
from ..errors import EditError
from ..timebase import Rate
from .definitions import define
from .media import Media
from .mobs import picture_of, value_of

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "aaf.unisync")
_UMID = (0x06, 0x0A, 0x2B, 0x34, 0x01, 0x01, 0x01, 0x05, 0x01, 0x01, 0x0F, 0x20)
"""Material of no stated type, numbered by a UUID."""
# fmt: off
_PICTURE = frozenset((
    "StoredHeight", "StoredWidth", "StoredF2Offset", "SampledHeight", "SampledWidth",
    "SampledXOffset", "SampledYOffset", "DisplayHeight", "DisplayWidth", "DisplayXOffset",
    "DisplayYOffset", "DisplayF2Offset", "FrameLayout", "VideoLineMap", "ImageAspectRatio",
    "ActiveFormatDescriptor", "AlphaTransparency", "TransferCharacteristic", "CodingEquations",
    "ColorPrimaries", "FieldDominance", "ComponentWidth", "HorizontalSubsampling",
    "VerticalSubsampling", "ColorSiting", "BlackReferenceLevel", "WhiteReferenceLevel",
    "ColorRange", "AlphaSamplingFormat", "PixelLayout", "ScanningDirection",
))
# fmt: on
"""What of a descriptor tells of the picture; the rest tells of how the old file holds it."""
SLOT = 1
"""The picture's slot in the file mob and on the tape."""
_PLACES = ("UNC Path", "Source Path", "Source File", "Drive")
"""Columns of the bin that say where the old file is."""
_SOURCE = "UniSync source"
"""The column of the bin that says which media the clip had."""


@dataclass(frozen=True, slots=True)
class OldMedia:
    """What new media replaces: its facts, and its mobs in the AAF that is open."""

    media: Media
    master: Any
    file: Any
    tape: Any | None


@dataclass(frozen=True, slots=True)
class NewMedia:
    """A relink's media as the AAF is to say it.

    Attributes:
        relink: the relink.
        old: id of the clip in the bin whose name, columns and raster it takes over.
        url: the file in the form of the old locator.
        slot: number of the picture's slot in the clip, as the edit's SourceClip names it.
        skip: frames of the file before the clip's first: where the edit's units are longer than
            the media's, and the frame wanted lies between two of them.
    """

    relink: Relink
    old: bytes
    url: str
    slot: int
    skip: int

    def identity(self, role: str) -> Any:
        """The MobID of one of the new mobs."""
        relink = self.relink
        facts = (self.url, relink.duration, relink.rate, relink.start_frame, relink.drop)
        text = "\n".join(
            map(str, (role, self.old.hex(), *facts, relink.reel, self.slot, self.skip))
        )
        identity = MobID()
        identity.SMPTELabel = _UMID
        identity.length = 0x13
        identity.material = AUID(str(uuid.uuid5(_NAMESPACE, text)))
        return identity


class MobMaker:
    """Makes mobs in one AAF; the media of two relinks, if it is the same, is made once."""

    def __init__(self, aaf: Any, composition: Any) -> None:
        self._aaf = aaf
        self._when = value_of(composition, "LastModified") or value_of(composition, "CreationTime")
        self._made: set[bytes] = set()

    def clip_for(self, new: NewMedia, old: OldMedia, picture: Any) -> Any:
        """The MobID of the clip for this media, made if it is not there yet.

        Args:
            new: the media.
            old: what it replaces.
            picture: the data definition of the edit's SourceClip.

        Raises:
            EditError: the AAF holds this media already.
        """
        identity = new.identity("clip")
        if bytes(identity.bytes_le) in self._made:
            return identity
        mobs = self._aaf.content.mobs
        for role in ("clip", "file", "tape"):
            if mobs.get(new.identity(role)) is not None:
                raise EditError(
                    "The AAF holds this new media already", remedy="Patch the original edit"
                )
        for mob in (
            self._tape(new, old, picture),
            self._file(new, old, picture),
            self._clip(new, old, picture),
        ):
            mobs.append(mob)
        self._made.add(bytes(identity.bytes_le))
        return identity

    def make(self, kind: str, **values: Any) -> Any:
        """An object of this class of the AAF model, with these properties."""
        metadict = self._aaf.metadict
        known = metadict.lookup_class(kind)
        thing = known.__new__(known)
        thing.root = self._aaf
        definition = metadict.lookup_classdef(kind)
        define(self._aaf, definition)
        if known is core.AAFObject:  # a class that pyaaf2 has no helper for
            thing.class_id = definition.auid
        for name, value in values.items():
            thing[name].value = value
        return thing

    def source_clip(self, picture: Any, length: int, start: int, identity: Any, slot: int) -> Any:
        return self.make(
            "SourceClip",
            DataDefinition=picture,
            Length=length,
            SourceID=identity,
            SourceMobSlotID=slot,
            StartTime=start,
        )

    def _mob(self, kind: str, new: NewMedia, role: str, name: str, slots: list[Any]) -> Any:
        mob = self.make(kind, MobID=new.identity(role), Name=name)
        if self._when is not None:
            mob["CreationTime"].value = self._when
            mob["LastModified"].value = self._when
        mob["Slots"].value = slots
        return mob

    def _slot(self, number: int, rate: Rate, segment: Any, name: str = "") -> Any:
        return self.make(
            "TimelineMobSlot",
            SlotID=number,
            SlotName=name,
            PhysicalTrackNumber=1,
            EditRate=rational(rate.fps),
            Origin=0,
            Segment=segment,
        )

    def _clip(self, new: NewMedia, old: OldMedia, picture: Any) -> Any:
        relink = new.relink
        below = self.source_clip(
            picture, relink.duration - new.skip, new.skip, new.identity("file"), SLOT
        )
        slot = self._slot(new.slot, relink.rate, below)
        mob = self._mob("MasterMob", new, "clip", old.media.name, [slot])
        known = value_of(old.master, "UserComments", ())
        comments = [tag.copy() for tag in known if value_of(tag, "Name") not in _PLACES]
        source = relink.old_path or old.media.url
        if source:
            comments.append(self.make("TaggedValue", Name=_SOURCE, Value=source))
        mob["UserComments"].value = comments
        return mob

    def _file(self, new: NewMedia, old: OldMedia, picture: Any) -> Any:
        relink = new.relink
        below = self.source_clip(picture, relink.duration, 0, new.identity("tape"), SLOT)
        slot = self._slot(SLOT, relink.rate, below)
        mob = self._mob("SourceMob", new, "file", relink.path.name, [slot])
        mob["EssenceDescription"].value = self._descriptor(new, old)
        return mob

    def _descriptor(self, new: NewMedia, old: OldMedia) -> Any:
        """The old file's, less what tells how that file was written."""
        known = picture_of(old.file)
        kind = "RGBADescriptor" if "PixelLayout" in known else "CDCIDescriptor"
        described = self.make(
            kind,
            SampleRate=rational(new.relink.rate.fps),
            Length=new.relink.duration,
        )
        for entry in known.properties():
            if entry.name in _PICTURE:
                described[entry.name].value = entry.value
        for name, value in self._needed(kind, old.media).items():
            if name not in described:
                described[name].value = value
        same_kind = str(old.media.url).lower().endswith(new.relink.path.suffix.lower())
        if same_kind and "ContainerFormat" in known:
            described["ContainerFormat"].value = known["ContainerFormat"].value
        described["Locator"].value = [self.make("NetworkLocator", URLString=new.url)]
        return described

    def _needed(self, kind: str, media: Media) -> dict[str, Any]:
        """What a descriptor must say, where the old one was of a kind that says less."""
        width, height = media.raster or (1, 1)
        facts = {
            "FrameLayout": "FullFrame",
            "VideoLineMap": [0, 0],
            "ImageAspectRatio": rational(Fraction(width, height)),
        }
        if kind == "CDCIDescriptor":
            facts |= {"ComponentWidth": 8, "HorizontalSubsampling": 2}
        return facts

    def _tape(self, new: NewMedia, old: OldMedia, picture: Any) -> Any:
        relink = new.relink
        nothing = self.source_clip(picture, relink.duration, 0, MobID(), 0)
        code = self.make(
            "Timecode",
            DataDefinition=self._timecode_definition(),
            Length=relink.duration,
            Start=relink.start_frame,
            FPS=relink.rate.nominal,
            Drop=relink.drop,
        )
        slots = [
            self._slot(SLOT, relink.rate, nothing, "V1"),
            self._slot(SLOT + 1, relink.rate, code, "TC1"),
        ]
        reel = relink.reel or old.media.reel
        name = reel or (value_of(old.tape, "Name") if old.tape is not None else None)
        mob = self._mob("SourceMob", new, "tape", str(name or old.media.name), slots)
        kind = "TapeDescriptor" if reel is not None else "ImportDescriptor"
        described = self.make(kind)
        if reel is None:
            # what was imported is the new file: some readers take the last locator of a chain
            described["Locator"].value = [self.make("NetworkLocator", URLString=new.url)]
        mob["EssenceDescription"].value = described
        return mob

    def _timecode_definition(self) -> Any:
        for definition in self._aaf.dictionary["DataDefinitions"].value:
            if str(definition.short_name).lower() in ("timecode", "legacytimecode"):
                return definition
        raise EditError("The AAF defines no timecode", remedy="Export it again")


def rational(value: Fraction) -> Any:
    """As AAF holds a rate."""
    return AAFRational(value.numerator, value.denominator)
