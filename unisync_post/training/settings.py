"""What decides a data set: the model it is for, what is kept, and what is made of each clip."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

from pydantic import ConfigDict

from ..engines.base import Engine
from ..engines.fingerprint import fingerprint
from ..engines.setup import Setup
from ..faces.crop import Framing
from ..records import dump

VERSION = "1"
"""Of what is written; another one makes every clip anew."""

Domain = Literal["film", "tv", "2d", "3d"]


@dataclass(frozen=True)
class Limits:
    """What is worth learning from; a TOML file may say otherwise (`--limits`).

    Attributes:
        shortest, longest: seconds of a clip. A clip is a whole number of latents; longer runs of a
            face are cut into equal parts.
        aside: seconds at the head of each run that are its portraits and not in the clip.
        zoom: crop pixels a plate pixel at most; more, and the picture is mostly made up.
        dark, bright: mean luma of the face, 8-bit codes.
        sharp: least share of the face's contrast that is fine detail (:func:`.filters.detail`).
        speech: least share of the frames under which somebody speaks.
        fit: least correlation of the lips with what the sound asks of them.
        lag: frames that lips and sound may lie apart.
        margin: by which its lips must fit better than any other face's in the picture.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    shortest: Fraction = Fraction(2)
    longest: Fraction = Fraction(16)
    aside: Fraction = Fraction(1, 2)
    zoom: float = 2.0
    dark: float = 20.0
    bright: float = 235.0
    sharp: float = 0.02
    speech: float = 0.3
    fit: float = 0.3
    lag: int = 3
    margin: float = 0.15


@dataclass(frozen=True)
class Labels:
    """What is known of a source by whoever gives it; recorded with each of its rows.

    Attributes:
        domain: "film", "tv", "2d", "3d", or empty.
        licence: under which it may be trained on.
        consent: of the people in it, in words.
        consent_file: name of the document that says so, and ``consent_sha256`` of its bytes.
    """

    domain: str = ""
    licence: str = ""
    consent: str = ""
    consent_file: str = ""
    consent_sha256: str = ""

    @classmethod
    def of(cls, domain: str, licence: str, consent: str) -> Labels:
        """``consent`` that names a file stands for the document."""
        if not os.path.isfile(consent):  # a long text is no path, and no error either
            return cls(domain, licence, consent)
        path = Path(consent)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        return cls(domain, licence, "", path.name, digest)


@dataclass(frozen=True)
class Settings:
    """All that decides the tensors.

    Attributes:
        model: the folder whose autoencoder and ear encode, at the size and framing that its
            ``engine.toml`` states.
        fingerprint: of those parts.
        rates: pictures a second at which each clip is told once more.
        relip: engine that makes the other lips; empty for none.
        relip_fingerprint: of that engine.
    """

    model: Path
    fingerprint: str
    size: int
    framing: Framing
    limits: Limits
    rates: tuple[Fraction, ...] = ()
    relip: str = ""
    relip_fingerprint: str = ""

    @classmethod
    def of(
        cls,
        model: Path,
        limits: Limits,
        rates: tuple[Fraction, ...] = (),
        engine: Engine | None = None,
    ) -> Settings:
        """Looks at the folder; nothing is loaded.

        Raises:
            ModelError: a part is missing or cannot be used.
            EngineError: an ``engine.toml`` that cannot be read.
        """
        from unisync_model.folder import ModelFolder
        from unisync_model.pipeline_folder import parts_of

        parts = parts_of(ModelFolder.open(model))
        setup = Setup.of(model)
        files = {
            f"{part.name}/{file.name}": file
            for part in (parts.vae, parts.audio_encoder)
            for file in sorted(part.iterdir())
            if file.suffix in (".json", ".safetensors")
        }
        return cls(
            model=model,
            fingerprint=fingerprint((VERSION,), files),
            size=setup.size,
            framing=Framing(setup.side, setup.down),
            limits=limits,
            rates=rates,
            relip=engine.info.name if engine else "",
            relip_fingerprint=engine.info.fingerprint if engine else "",
        )

    @property
    def digest(self) -> str:
        """Names the set of clips made with these settings, wherever model and engine lie."""
        parts = (self.fingerprint, self.relip_fingerprint, self.size, self.framing, self.rates)
        content = repr(parts).encode() + dump(self.limits)
        return hashlib.sha256(content).hexdigest()[:16]
