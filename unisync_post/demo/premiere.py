"""The demo's edit as an FCP7 XML in the shape that Premiere Pro writes."""

from __future__ import annotations

import uuid
from pathlib import Path
from urllib.parse import quote
from xml.etree import ElementTree

from unisync_adapters.timebase import Timecode, seconds_to_ticks

from .layout import (
    DISSOLVE,
    HANDLE,
    HEIGHT,
    RATE,
    SAMPLE_RATE,
    SEQUENCE_START,
    TITLE,
    WIDTH,
    Placed,
    cut,
    duration,
)

Element = ElementTree.Element
_SEQUENCE = {
    "id": "sequence-1",
    "TL.SQAudioVisibleBase": "0",
    "TL.SQVideoVisibleBase": "0",
    "MZ.Sequence.VideoTimeDisplayFormat": "110",
    "MZ.WorkInPoint": "0",
    "explodedTracks": "true",
}


def premiere_xml(media: Path, music: Path, name: str) -> bytes:
    """The whole document.

    Args:
        media: folder of the camera files, absolute.
        music: the music and effects file, absolute.
        name: what the sequence is called.
    """
    root = Element("xmeml", version="4")
    sequence = ElementTree.SubElement(root, "sequence", _SEQUENCE)
    _text(sequence, "uuid", str(uuid.uuid5(uuid.NAMESPACE_URL, name)))
    _text(sequence, "duration", duration())
    _rate(sequence)
    _text(sequence, "name", name)
    tracks = ElementTree.SubElement(sequence, "media")
    _video(ElementTree.SubElement(tracks, "video"), media)
    _audio(ElementTree.SubElement(tracks, "audio"), music)
    _timecode(sequence, SEQUENCE_START)
    _marker(sequence, "REEL 1", "First line", cut()[0].speech)
    ElementTree.indent(root, "\t")
    body = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE xmeml>\n{body}\n'.encode()


def _text(parent: Element, tag: str, value: object) -> Element:
    element = ElementTree.SubElement(parent, tag)
    element.text = str(value)
    return element


def _rate(parent: Element) -> None:
    rate = ElementTree.SubElement(parent, "rate")
    _text(rate, "timebase", RATE.nominal)
    _text(rate, "ntsc", "TRUE")


def _timecode(parent: Element, start: Timecode, reel: str | None = None) -> None:
    code = ElementTree.SubElement(parent, "timecode")
    _rate(code)
    _text(code, "string", start)
    _text(code, "frame", start.frame)
    _text(code, "displayformat", "NDF")
    if reel is not None:
        _text(ElementTree.SubElement(code, "reel"), "name", reel)


def _marker(parent: Element, name: str, comment: str, frame: int) -> None:
    marker = ElementTree.SubElement(parent, "marker")
    _text(marker, "comment", comment)
    _text(marker, "name", name)
    _text(marker, "in", frame)
    _text(marker, "out", -1)


def _picture(parent: Element, width: int, height: int) -> None:
    picture = ElementTree.SubElement(parent, "samplecharacteristics")
    _rate(picture)
    _text(picture, "width", width)
    _text(picture, "height", height)
    _text(picture, "anamorphic", "FALSE")
    _text(picture, "pixelaspectratio", "square")
    _text(picture, "fielddominance", "none")


def _sound(parent: Element, depth: int) -> None:
    sound = ElementTree.SubElement(parent, "samplecharacteristics")
    _text(sound, "depth", depth)
    _text(sound, "samplerate", SAMPLE_RATE)


def _switches(track: Element) -> None:
    _text(track, "enabled", "TRUE")
    _text(track, "locked", "FALSE")


def _video(video: Element, media: Path) -> None:
    _picture(ElementTree.SubElement(video, "format"), WIDTH, HEIGHT)
    track = ElementTree.SubElement(video, "track")
    _title(track)
    clips = cut()
    # after the second clip comes the dissolve into the third
    for index, clip in enumerate(clips):
        before = DISSOLVE // 2 if index == 2 else 0
        after = DISSOLVE // 2 if index == 1 else 0
        _picture_clip(track, index, clip, media, before, after)
        if after:
            _dissolve(track, clip.end)
    _switches(track)


def _title(track: Element) -> None:
    title = ElementTree.SubElement(track, "generatoritem", id="clipitem-title")
    _text(title, "name", "The Valley")
    _text(title, "enabled", "TRUE")
    _text(title, "duration", TITLE)
    _rate(title)
    for tag, frame in (("start", 0), ("end", TITLE), ("in", 0), ("out", TITLE)):
        _text(title, tag, frame)
    effect = ElementTree.SubElement(title, "effect")
    _text(effect, "name", "Text")
    _text(effect, "effectid", "Text")
    _text(effect, "effecttype", "generator")
    _text(effect, "mediatype", "video")


def _picture_clip(
    track: Element, index: int, clip: Placed, media: Path, before: int, after: int
) -> None:
    """A clip of V1; ``before`` and ``after`` frames of it lie under a transition."""
    item = _clip(track, _picture_id(index), clip.camera.name, clip.camera.frames, index)
    _text(item, "start", -1 if before else clip.start)
    _text(item, "end", -1 if after else clip.end)
    _source(item, HANDLE - before, HANDLE + clip.camera.length + after)
    _text(item, "alphatype", "none")
    file = ElementTree.SubElement(item, "file", id=f"file-{index + 1}")
    _text(file, "name", clip.camera.file)
    _text(file, "pathurl", _url(media / clip.camera.file))
    _rate(file)
    _text(file, "duration", clip.camera.frames)
    _timecode(file, clip.camera.start, clip.camera.reel)
    inside = ElementTree.SubElement(file, "media")
    scene = clip.camera.scene
    _picture(ElementTree.SubElement(inside, "video"), scene.width, scene.height)
    sound = ElementTree.SubElement(inside, "audio")
    _sound(sound, 16)
    _text(sound, "channelcount", 2)
    if clip.camera.marker:
        _marker(item, "FACE", clip.camera.marker, HANDLE + 2)
    _links(item, index)
    _labels(item, "Iris")


def _dissolve(track: Element, at: int) -> None:
    item = ElementTree.SubElement(track, "transitionitem")
    _text(item, "start", at - DISSOLVE // 2)
    _text(item, "end", at + DISSOLVE // 2)
    _text(item, "alignment", "center")
    _text(item, "cutPointTicks", seconds_to_ticks(RATE.seconds(DISSOLVE // 2)))
    _rate(item)
    effect = ElementTree.SubElement(item, "effect")
    _text(effect, "name", "Cross Dissolve")
    _text(effect, "effectid", "Cross Dissolve")
    _text(effect, "effectcategory", "Dissolve")
    _text(effect, "effecttype", "transition")
    _text(effect, "mediatype", "video")


def _audio(audio: Element, music: Path) -> None:
    _text(audio, "numOutputChannels", 2)
    _sound(ElementTree.SubElement(audio, "format"), 16)
    for channel in (1, 2):
        track = _audio_track(audio, channel)
        for index, clip in enumerate(cut()):
            item = _clip(
                track, _sound_id(index, channel), clip.camera.name, clip.camera.frames, index
            )
            _text(item, "start", clip.start)
            _text(item, "end", clip.end)
            _source(item, HANDLE, HANDLE + clip.camera.length)
            ElementTree.SubElement(item, "file", id=f"file-{index + 1}")
            _channel(item, channel)
            _links(item, index)
            _labels(item, "Iris")
        _switches(track)
        _text(track, "outputchannelindex", channel)
    for channel in (1, 2):
        track = _audio_track(audio, channel)
        _music_clip(track, channel, music)
        _switches(track)
        _text(track, "outputchannelindex", channel)


def _audio_track(audio: Element, channel: int) -> Element:
    """One half of an exploded stereo track."""
    return ElementTree.SubElement(
        audio,
        "track",
        {
            "TL.SQTrackAudioKeyframeStyle": "0",
            "currentExplodedTrackIndex": str(channel - 1),
            "totalExplodedTrackCount": "2",
            "premiereTrackType": "Stereo",
        },
    )


def _music_clip(track: Element, channel: int, music: Path) -> None:
    item = _clip(track, f"clipitem-music-{channel}", music.stem, duration(), 9)
    _text(item, "start", 0)
    _text(item, "end", duration())
    _source(item, 0, duration())
    file = ElementTree.SubElement(item, "file", id="file-music")
    if channel == 1:
        _text(file, "name", music.name)
        _text(file, "pathurl", _url(music))
        _rate(file)
        _text(file, "duration", duration())
        _timecode(file, SEQUENCE_START)
        sound = ElementTree.SubElement(ElementTree.SubElement(file, "media"), "audio")
        _sound(sound, 24)
        _text(sound, "channelcount", 2)
    _channel(item, channel)
    for half in (1, 2):
        _link(item, f"clipitem-music-{half}", "audio", half + 2, 1)
    _labels(item, "Caribbean")


def _clip(track: Element, key: str, name: str, frames: int, master: int) -> Element:
    attributes = {"id": key}
    if "-a" in key or "music" in key:
        attributes["premiereChannelType"] = "stereo"
    item = ElementTree.SubElement(track, "clipitem", attributes)
    _text(item, "masterclipid", f"masterclip-{master + 1}")
    _text(item, "name", name)
    _text(item, "enabled", "TRUE")
    _text(item, "duration", frames)
    _rate(item)
    return item


def _source(item: Element, first: int, last: int) -> None:
    _text(item, "in", first)
    _text(item, "out", last)
    _text(item, "pproTicksIn", seconds_to_ticks(RATE.seconds(first)))
    _text(item, "pproTicksOut", seconds_to_ticks(RATE.seconds(last)))


def _channel(item: Element, channel: int) -> None:
    source = ElementTree.SubElement(item, "sourcetrack")
    _text(source, "mediatype", "audio")
    _text(source, "trackindex", channel)


def _picture_id(index: int) -> str:
    return f"clipitem-v{index + 1}"


def _sound_id(index: int, channel: int) -> str:
    return f"clipitem-a{index + 1}-{channel}"


def _links(item: Element, index: int) -> None:
    """Picture and both channels of a clip belong together; indices count within the track."""
    # the title is the first item of V1, but no clip
    _link(item, _picture_id(index), "video", 1, index + 1)
    for channel in (1, 2):
        _link(item, _sound_id(index, channel), "audio", channel, index + 1)


def _link(item: Element, key: str, kind: str, track: int, index: int) -> None:
    link = ElementTree.SubElement(item, "link")
    _text(link, "linkclipref", key)
    _text(link, "mediatype", kind)
    _text(link, "trackindex", track)
    _text(link, "clipindex", index)
    if kind == "audio":
        _text(link, "groupindex", 1)


def _labels(item: Element, colour: str) -> None:
    notes = ElementTree.SubElement(item, "logginginfo")
    for tag in ("description", "scene", "shottake", "lognote"):
        _text(notes, tag, "")
    _text(ElementTree.SubElement(item, "labels"), "label2", colour)


def _url(path: Path) -> str:
    """As Premiere writes it: ``file://localhost/`` and percent escapes."""
    text = path.as_posix()
    return "file://localhost/" + quote(text.lstrip("/"), safe="/").replace("%3A", "%3a")
