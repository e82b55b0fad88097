"""One review proxy: H.264 at the shot's exact rate, with as many frames as it was given."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import numpy as np
from av.audio.stream import AudioStream
from av.video.stream import VideoStream
from numpy.typing import NDArray

from unisync_adapters.timebase import Rate

from ..errors import MediaError
from ..media.open import create_media
from ..records import temporary_for
from .options import ReviewOptions

SOUND_RATE = 48_000
_BT709 = 1
_VIDEO_RANGE = 1


class ProxyEncoder:
    """Writes one MP4 beside its final place and moves it there when it is whole.

    8-bit 4:2:0 BT.709, no B-frames, a key frame every ``options.gop`` frames, index in front. One
    time base tick is one frame, so frame *k* is shown from exactly ``k / rate`` on. Equal input
    gives equal bytes: the thread count is fixed and no date is written.

    Args:
        path: the finished file.
        size: width and height, both even.
        rate: frames a second.
        sound: (N,) float32 mono at :data:`SOUND_RATE` for the whole proxy, or None.
    """

    def __init__(
        self,
        path: Path,
        size: tuple[int, int],
        rate: Rate,
        sound: NDArray[np.float32] | None,
        options: ReviewOptions,
    ) -> None:
        self.path = path
        self.frames = 0
        self._rate = rate
        self._sound = sound
        self._temporary = temporary_for(path)
        self._container = create_media(
            self._temporary, "mp4", {"movflags": "+faststart", "fflags": "+bitexact"}
        )
        self._video = self._add_video(size, options)
        self._audio = None if sound is None else self._add_audio()

    def _add_video(self, size: tuple[int, int], options: ReviewOptions) -> VideoStream:
        stream = self._container.add_stream("libx264", rate=self._rate.fps)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.time_base = stream.codec_context.time_base = 1 / self._rate.fps
        context = stream.codec_context
        context.color_primaries = context.color_trc = context.colorspace = _BT709
        context.color_range = _VIDEO_RANGE
        gop = options.gop
        stream.options = {
            "preset": "veryfast",
            "crf": str(options.crf),
            "flags": "+bitexact",
            "x264-params": f"keyint={gop}:min-keyint={gop}:scenecut=0:bframes=0:threads=2",
        }
        return stream

    def _add_audio(self) -> AudioStream:
        stream = self._container.add_stream("aac", rate=SOUND_RATE, layout="mono")
        stream.codec_context.bit_rate = 96_000
        stream.codec_context.options = {"flags": "+bitexact"}
        return stream

    def add(self, picture: NDArray[np.uint8]) -> None:
        """Append one picture, (H, W, 3) uint8 R'G'B', and the sound under it."""
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(
            format="yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG"
        )
        frame.pts = self.frames
        frame.time_base = 1 / self._rate.fps
        self._container.mux(self._video.encode(frame))
        self._add_sound(self.frames)
        self.frames += 1

    def _add_sound(self, frame: int) -> None:
        if self._audio is None or self._sound is None:
            return
        first, last = (sample_at(k, self._rate) for k in (frame, frame + 1))
        if last == first:
            return
        block = av.AudioFrame.from_ndarray(
            self._sound[None, first:last].astype(np.float32, copy=False), "fltp", "mono"
        )
        block.sample_rate = SOUND_RATE
        block.pts = first
        block.time_base = Fraction(1, SOUND_RATE)
        self._container.mux(self._audio.encode(block))

    def finish(self) -> None:
        """Flush, close and move the file into place.

        Raises:
            MediaError: no picture was added.
        """
        if not self.frames:
            raise MediaError("A review proxy without pictures", file=self.path)
        self._container.mux(self._video.encode(None))
        if self._audio is not None:
            self._container.mux(self._audio.encode(None))
        self._container.close()
        self._temporary.replace(self.path)

    def __enter__(self) -> ProxyEncoder:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._container.close()
        self._temporary.unlink(missing_ok=True)


def sample_at(frame: int, rate: Rate) -> int:
    """The audio sample at which this frame begins, to the nearest."""
    return round(rate.seconds(frame) * SOUND_RATE)
