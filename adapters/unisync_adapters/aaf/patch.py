"""Relink clips of an AAF: new mobs beside the old ones, and the edit's own SourceClip at them.

Nothing that another clip may use is touched: the old clip in the bin, its file and its tape stay as
they are. The SourceClip in the edit, this occurrence of it, is all that changes, with the new
mobs and the composition's name. A retime that is baked into the media leaves with its
OperationGroup, whose place a plain SourceClip takes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

from aaf2 import properties

from ..document import Relink
from ..errors import EditError
from ..image_sequence import spelled_like
from ..urls import LocalUrls, MediaUrl
from .container import changed
from .media import Media
from .mobs import MobTable, length_of, value_of
from .newmobs import MobMaker, NewMedia, OldMedia
from .read import AafDocument
from .segments import ClipItem


def patch_document(document: AafDocument, relinks: Sequence[Relink], name: str | None) -> bytes:
    """The AAF's bytes with these clips relinked and the composition renamed.

    Raises:
        EditError: a clip that cannot be relinked.
    """
    with changed(document.data, document.path) as (aaf, result):
        _Patch(aaf, document).relink(relinks, name)
    return result[0]


class _Patch:
    """One patch: the open AAF, and what is made in it."""

    def __init__(self, aaf: Any, document: AafDocument) -> None:
        self.aaf = aaf
        self.document = document
        self.composition = aaf.manager.read_object(document.storage)
        self.table = MobTable(aaf.content)
        self.maker = MobMaker(aaf, self.composition)
        self.urls: dict[str, LocalUrls] = {}

    def relink(self, relinks: Sequence[Relink], name: str | None) -> None:
        for relink in relinks:
            try:
                self._one(relink, self.document.items[relink.origin])
            except EditError as error:
                error.clip = error.clip or self.document.origins[relink.origin].name
                raise
        if name is not None and value_of(self.composition, "Name") != name:
            self.composition["Name"].value = name

    def _one(self, relink: Relink, item: ClipItem) -> None:
        media = item.media
        if item.refuse is not None or media is None or media.url is None:
            raise EditError(item.refuse or "It has no media file")
        clip = self.aaf.manager.read_object(item.path)
        start, skip = place_in(relink, item)
        relink = replace(relink, path=spelled_like(relink.path, MediaUrl.parse(media.url).name))
        slot = int(value_of(clip, "SourceMobSlotID", 0)) or 1
        picture = clip["DataDefinition"].value
        new = NewMedia(relink, media.master, self._url(media.url, relink), slot, skip)
        identity = self.maker.clip_for(new, self._old(media), picture)
        if relink.baked and item.group is not None:
            group = self.aaf.manager.read_object(item.group)
            length = length_of(group)
            plain = self.maker.source_clip(picture, length, start, identity, slot)
            replace_object(group, plain)
            return
        clip["SourceID"].value = identity
        clip["SourceMobSlotID"].value = slot
        clip["StartTime"].value = start

    def _old(self, media: Media) -> OldMedia:
        table = self.table
        mobs = (table.by_id(key) for key in (media.master, media.file, media.tape))
        return OldMedia(media, *mobs)

    def _url(self, text: str, relink: Relink) -> str:
        if text not in self.urls:
            self.urls[text] = LocalUrls(self.document.path_map, MediaUrl.parse(text))
        return self.urls[text].of(relink.path)


def place_in(relink: Relink, item: ClipItem) -> tuple[int, int]:
    """``StartTime`` of the clip in the edit's units, and frames to skip in the new clip itself.

    Where the units are longer than the media's frames, the wanted frame may lie between two of
    them; the clip in the bin then begins that much later.

    Raises:
        EditError: the new media does not reach back under the transition before the clip, or the
            clip's speed stays in the edit and runs backwards.
    """
    if relink.baked:
        rate, shown = item.record, Fraction(item.head)
    else:
        rate, shown = item.rate, item.shown
        if item.speed < 0:
            raise EditError("It plays backwards", remedy="Bake its speed into the new media")
    start = relink.source_in * rate / relink.rate.fps - shown
    whole = start.numerator // start.denominator
    if whole < 0:
        raise EditError(
            "The new media begins after what the clip shows first, or its transition",
            remedy="Render it with longer handles",
        )
    reached = (whole + shown) * relink.rate.fps / rate
    return whole, relink.source_in - reached.numerator // reached.denominator


def replace_object(old: Any, new: Any) -> None:
    """``new`` in the property of its owner where ``old`` stands, whose storage is removed.

    Raises:
        EditError: nothing owns it.
    """
    aaf = old.root
    path = old.dir.path()
    folder, _, name = path.rpartition("/")
    owner = aaf.manager.read_object(folder or "/")
    for entry in list(owner.properties()):
        if isinstance(entry, properties.StrongRefVectorProperty):
            names = [entry.index_ref_name(i) for i in range(len(entry))]
            if name in names:
                index = names.index(name)
                old.detach()
                aaf.cfb.rmtree(path)
                entry.objects[index] = new
                entry.attach()
                return
        elif isinstance(entry, properties.StrongRefProperty) and entry.ref == name:
            old.detach()
            entry.object = None
            aaf.cfb.rmtree(path)
            entry.value = new
            return
    raise EditError("The AAF is damaged: an effect belongs to nothing")
