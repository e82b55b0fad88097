"""The speech-to-mouth network: a small temporal convolution with a local view."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

CURVES = ("aperture", "width", "closure")
"""What the network says of each instant: lip opening and mouth width in the speaker's own standard
deviations, and the log-odds that the lips are pressed together (p, b, m)."""

STRIDE = 2
"""Mel columns for one output: outputs are 20 ms apart."""


_CHANNEL = 101
"""Mel columns over which the sound of the channel is averaged away."""
_DROPOUT = 0.2


class Block(nn.Module):
    """Dilated convolution with a residual and a per-instant LayerNorm.

    Args:
        width: channels.
        dilation: of the five taps.
    """

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.conv = nn.Conv1d(width, width, 5, dilation=dilation, padding=2 * dilation)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, T) -> (B, C, T)."""
        normed = self.norm(x.transpose(1, 2)).transpose(1, 2)
        moved = functional.gelu(self.conv(normed))
        return x + functional.dropout(moved, _DROPOUT, self.training)


class SpeechNet(nn.Module):
    """Log-mel columns to mouth curves.

    Every output sees :attr:`reach` outputs to either side and nothing else, so that the length of
    the file and what it holds elsewhere cannot change it.

    Args:
        bands: mel bands.
        width: channels.
        dilations: one block each.
    """

    def __init__(
        self,
        bands: int = 80,
        width: int = 72,
        dilations: tuple[int, ...] = (1, 2, 4, 3),
    ) -> None:
        super().__init__()
        self.reach = 2 * sum(dilations) + 1 + _CHANNEL // (2 * STRIDE) + 1
        self.stem = nn.Conv1d(bands, width, 5, stride=STRIDE, padding=2)
        self.blocks = nn.Sequential(*(Block(width, d) for d in dilations))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, len(CURVES))

    def forward(self, mel: Tensor) -> Tensor:
        """(B, bands, 2 T) -> (B, T, 3) in the order of :data:`CURVES`."""
        x = self.blocks(functional.gelu(self.stem(_without_channel(mel))))
        curves: Tensor = self.head(self.norm(x.transpose(1, 2)))
        return curves


def _without_channel(mel: Tensor) -> Tensor:
    """Take each band's mean over the second around each column away: microphone, room, level."""
    mean = functional.avg_pool1d(
        mel, _CHANNEL, stride=1, padding=_CHANNEL // 2, count_include_pad=False
    )
    return 1.5 * (mel - mean)
