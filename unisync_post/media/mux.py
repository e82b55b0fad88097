"""One file while it is written: coded pictures in order, sound interleaved."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple, cast

import av
import xxhash
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from unisync_adapters.timebase import Rate, Timecode

from ..errors import MediaError
from .delivery import Delivery, to_delivery
from .info import MediaInfo
from .open import create_media, open_media
from .packets import PicturePackets, audio_packets
from .pixels import Box
from .prores import splice_slices

Picture = tuple[int, VideoFrame | None, bool | Box | Sequence[Box]]
"""(plate frame shown, its picture or None, whether it was changed; better: the box, or the boxes,
it changed in)."""

_OPTIONS = {
    "mov": {"movflags": "+use_metadata_tags", "write_tmcd": "1"},
    # neither a clock nor random numbers; mxf.complete() gives it its UMIDs
    "mxf": {"fflags": "+bitexact"},
}
_WRITER = "UniSync Post"


def boxes_of(changed: bool | Box | Sequence[Box]) -> Sequence[Box]:
    """Where a picture changed; empty where that is not said."""
    if isinstance(changed, bool):
        return ()
    return (changed,) if isinstance(changed, Box) else changed


class _Slot(NamedTuple):
    """A frame of the new file: the plate's coded picture if any, and where it is replaced."""

    plate: bytes | None
    changed: bool
    boxes: Sequence[Box] = ()


class Muxer:
    """Takes pictures one by one and writes them; holds no more than the encoder's threads do.

    Use as a context manager: :meth:`describe`, then :meth:`add` for each picture, then
    :meth:`finish`.
    """

    def __init__(
        self,
        info: MediaInfo,
        delivery: Delivery,
        path: Path,
        rate: Rate,
        count: int,
        *,
        audio: bool,
    ) -> None:
        self._info, self._delivery, self._path = info, delivery, path
        self._rate, self._count = rate, count
        self._audio = audio and bool(info.audio)
        self._stack = ExitStack()
        self._slots: deque[_Slot] = deque()
        self._ready: deque[bytes] = deque()
        self._encoder: VideoCodecContext | None = None
        self._sound: Iterator[tuple[int, Fraction, Packet[AudioStream]]] = iter(())
        self._held: tuple[int, Fraction, Packet[AudioStream]] | None = None
        self._first: int | None = None
        self._hash = xxhash.xxh3_128()
        self.added = self.muxed = self.copied = self.encoded = self.spliced = 0

    def __enter__(self) -> Muxer:
        with self._stack:
            self._source = self._stack.enter_context(PicturePackets(self._info))
            self._container: OutputContainer = self._stack.enter_context(
                create_media(
                    self._path,
                    self._delivery.container,
                    _OPTIONS[self._delivery.container],
                )
            )
            self._stream = self._container.add_stream(
                self._delivery.encoder, rate=self._rate.fps, options=dict(self._delivery.options)
            )
            _configure(self._stream.codec_context, self._info, self._delivery, self._rate)
            self._tracks = self._audio_tracks() if self._audio else []
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *failure: object) -> None:
        self._stack.close()

    def _audio_tracks(self) -> list[AudioStream]:
        template = self._stack.enter_context(open_media(self._info.path))
        tracks = []
        for source in template.streams.audio:
            track = self._container.add_stream_from_template(source)
            for name in ("language", "handler_name"):
                if source.metadata.get(name):
                    track.metadata[name] = source.metadata[name]
            track.disposition = source.disposition
            tracks.append(track)
        return tracks

    def describe(self, start: Timecode, reel: str | None, marks: Mapping[str, str]) -> None:
        """Timecode, reel, names and provenance: all before the first packet."""
        self._container.metadata["timecode"] = str(start)
        self._hash.update(f"{start} {reel}".encode())
        if self._delivery.container == "mxf":
            self._describe_mxf(reel, marks)
        else:
            self._describe_mov(reel, marks)
        self._container.start_encoding()

    def _describe_mov(self, reel: str | None, marks: Mapping[str, str]) -> None:
        self._stream.metadata["encoder"] = self._delivery.name
        if reel:
            self._stream.metadata["reel_name"] = reel
        for name, value in marks.items():
            self._container.metadata[name] = value
        if marks:
            line = "; ".join(f"{name}={value}" for name, value in marks.items())
            self._container.metadata.setdefault("comment", line)

    def _describe_mxf(self, reel: str | None, marks: Mapping[str, str]) -> None:
        """The reel becomes a source package, marks become user comments of the material package."""
        said = self._container.metadata
        said["company_name"] = said["product_name"] = _WRITER
        if reel:
            said["reel_name"] = reel
        for name, value in marks.items():
            said[f"comment_{name}"] = value

    @property
    def essence(self) -> bytes:
        """A hash of everything written so far, and of its timecode and reel."""
        return self._hash.digest()

    def add(
        self, plate: int, picture: VideoFrame | None, changed: bool | Box | Sequence[Box]
    ) -> None:
        """Queue one new frame; whatever is complete goes to the file."""
        if self._first is None:
            self._first = plate
            if self._audio:
                self._sound = audio_packets(self._info, plate, self._count)
        if self._audio and plate != self._first + self.added:
            raise MediaError(
                "Sound cannot be copied under a retime",
                file=self._info.path,
                remedy="Write this shot without audio.",
            )
        if self._delivery.splice and not changed:
            self._flush()
            self._slots.append(_Slot(self._source.read(plate), False))
            self.copied += 1
        elif picture is None:
            raise MediaError(f"There is no picture for plate frame {plate}", file=self._info.path)
        else:
            self._encode(picture)
            boxes = boxes_of(changed)
            in_slices = boxes and self._info.codec == "prores" and self._delivery.splice
            coded = self._source.read(plate) if in_slices else None
            self._slots.append(_Slot(coded, True, boxes))
            self.encoded += 1
        self.added += 1
        self._drain()

    def finish(self) -> None:
        """Flush, and hold the contract: exactly as many frames as announced.

        Raises:
            MediaError: fewer or more came.
        """
        self._flush()
        self._drain()
        if not self.added == self.muxed == self._count:
            raise MediaError(
                f"{self.added} frames came for a file of {self._count}", file=self._info.path
            )
        self._mux_sound(self._rate.seconds(self._count), final=True)

    def _encode(self, picture: VideoFrame) -> None:
        if self._encoder is None:
            self._encoder = new_encoder(self._info, self._delivery, self._rate)
        frame = to_delivery(picture, self._delivery.pixel_format)
        stamp = frame.pts, frame.time_base
        frame.pts, frame.time_base = self.added, 1 / self._rate.fps
        self._ready.extend(bytes(packet) for packet in self._encoder.encode(frame))
        frame.pts = stamp[0]
        if stamp[1]:
            frame.time_base = stamp[1]

    def _flush(self) -> None:
        """End a run of encoded frames: frame-threaded encoders hold the last ones back."""
        if self._encoder is not None:
            self._ready.extend(bytes(packet) for packet in self._encoder.encode(None))
            self._encoder = None

    def _drain(self) -> None:
        while self._slots and (not self._slots[0].changed or self._ready):
            data = self._coded(self._slots.popleft())
            self._hash.update(data)
            packet = Packet(data)
            packet.stream = self._stream
            packet.time_base = 1 / self._rate.fps
            packet.pts = packet.dts = self.muxed
            packet.duration, packet.is_keyframe = 1, True
            self._container.mux(packet)
            self.muxed += 1
            self._mux_sound(self._rate.seconds(self.muxed))

    def _coded(self, slot: _Slot) -> bytes:
        """The plate's packet, the encoder's, or the plate's with only the touched slices new."""
        if not slot.changed and slot.plate is not None:
            return slot.plate
        encoded = self._ready.popleft()
        if slot.plate is not None:
            spliced = splice_slices(slot.plate, encoded, *slot.boxes)
            if spliced is not None:
                self.spliced += 1
                return spliced
        return encoded

    def _mux_sound(self, until: Fraction, *, final: bool = False) -> None:
        """Interleave: sound up to the end of the last written picture."""
        while True:
            item = self._held or next(self._sound, None)
            self._held = None
            if item is None:
                return
            number, end, packet = item
            if end > until and not final:
                self._held = item
                return
            packet.stream = self._tracks[number]
            self._container.mux(packet)


def new_encoder(info: MediaInfo, delivery: Delivery, rate: Rate) -> VideoCodecContext:
    """An encoder of its own, for one run of changed pictures."""
    encoder = cast(VideoCodecContext, av.CodecContext.create(delivery.encoder, "w"))
    _configure(encoder, info, delivery, rate)
    encoder.options = dict(delivery.options)
    encoder.thread_type = "AUTO"
    return encoder


def _configure(context: VideoCodecContext, info: MediaInfo, delivery: Delivery, rate: Rate) -> None:
    context.width, context.height = info.width, info.height
    context.pix_fmt = delivery.pixel_format
    context.time_base, context.framerate = 1 / rate.fps, rate.fps
    context.sample_aspect_ratio = info.pixel_aspect
    context.color_primaries = info.colour.primaries
    context.color_trc = info.colour.transfer
    context.colorspace = info.colour.matrix
    context.color_range = 1
    if delivery.bit_rate is not None:
        context.bit_rate = delivery.bit_rate
