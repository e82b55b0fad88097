"""Speech features: what the network hears, at the exact time of every frame.

``open_audio_encoder(folder)`` gives the encoder a model directory holds, its ``states`` hear a
whole shot, and ``at_frames`` samples them at the frame times.
"""

from .encoder import AudioEncoder, SpeechStates, open_audio_encoder
from .frames import Grid, at_frames, null_audio

__all__ = [
    "AudioEncoder",
    "Grid",
    "SpeechStates",
    "at_frames",
    "null_audio",
    "open_audio_encoder",
]
