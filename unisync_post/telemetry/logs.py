"""Records of what happened: one JSON object a line, with job and shot, in files that rotate."""

from __future__ import annotations

import json
import logging
from datetime import datetime, timezone
from logging.handlers import RotatingFileHandler
from pathlib import Path

from ..job.events import Event, Listener

_LEVELS = {"failed": logging.ERROR, "died": logging.ERROR, "hung": logging.ERROR,
           "full": logging.ERROR, "refused": logging.ERROR, "kept": logging.WARNING,
           "cancelled": logging.WARNING}  # fmt: skip


class JsonFormatter(logging.Formatter):
    """A log record as one line of JSON.

    Everything is escaped to ASCII: no file name or line break of a timeline can forge a record or
    send control characters to a terminal.
    """

    def format(self, record: logging.LogRecord) -> str:
        instant = datetime.fromtimestamp(record.created, timezone.utc)
        said: dict[str, object] = {
            "time": instant.isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "process": record.process,
            "message": record.getMessage(),
        }
        said.update(getattr(record, "facts", {}))
        if record.exc_info:
            said["traceback"] = self.formatException(record.exc_info)
        return json.dumps(said)


def open_log(
    path: Path, *, max_bytes: int = 10_000_000, backups: int = 5, name: str = "unisync"
) -> logging.Logger:
    """A logger that writes JSON lines to ``path``, rotating to ``path.1`` … ``path.N``.

    Only one process may write a file; workers report to the process that has the pool. Calling it
    again for the same ``name`` moves that logger to the new file.

    Raises:
        OSError: the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = RotatingFileHandler(path, maxBytes=max_bytes, backupCount=backups, encoding="ascii")
    handler.setFormatter(JsonFormatter())
    logger = logging.getLogger(name)
    close_log(logger)
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    return logger


def close_log(logger: logging.Logger) -> None:
    """Close the files of a logger of :func:`open_log`."""
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
        handler.close()


def logging_to(logger: logging.Logger) -> Listener:
    """A listener that records every event but the progress of steps."""

    def listen(event: Event) -> None:
        if event.kind == "step":
            return
        level = logging.WARNING if event.kind == "warning" else logging.INFO
        facts = event.as_dict()
        message = facts.pop("message", f"{event.kind} {event.status}".strip())
        logger.log(_LEVELS.get(event.status, level), "%s", message, extra={"facts": facts})

    return listen
