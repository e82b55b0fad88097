"""What a run says while it goes: TensorBoard where it is installed, the log otherwise."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

log = logging.getLogger(__name__)


class RunLog:
    """Scalars and pictures of a run.

    Args:
        folder: for TensorBoard's files; None writes none (processes other than the first).
        step: where the run stands; later entries, from before it was cut off, are dropped.
    """

    def __init__(self, folder: Path | None, step: int = 0) -> None:
        self._board: Any = None
        if folder is not None and importlib.util.find_spec("tensorboard") is not None:
            from torch.utils.tensorboard import SummaryWriter

            self._board = SummaryWriter(str(folder), purge_step=step + 1 if step else None)
        elif folder is not None:
            log.warning("tensorboard is not installed: pip install 'unisync-post[train]'")

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        log.info("step %d: %s", step, ", ".join(f"{k} {v:.4g}" for k, v in values.items()))
        if self._board is not None:
            for name, value in values.items():
                self._board.add_scalar(name, value, step)

    def picture(self, name: str, rgb: npt.NDArray[np.uint8], step: int) -> None:
        """(H, W, 3) uint8."""
        if self._board is not None:
            self._board.add_image(name, rgb, step, dataformats="HWC")

    def close(self) -> None:
        if self._board is not None:
            self._board.close()
