"""What the lips do for each sound: IPA symbols to lips, teeth and tongue."""

from __future__ import annotations

import unicodedata
from typing import NamedTuple

__all__ = ["REST", "Viseme", "is_closure", "visemes"]


class Viseme(NamedTuple):
    """A mouth shape.

    Attributes:
        open: 0 lips together .. 1 as for a loud A.
        width: 0 pursed .. 0.5 at rest .. 1 spread.
        bite: 1 = the lower lip touches the upper teeth.
        round: 1 = the lips are pushed forward, as for OO or SH.
        tongue: 0 low, 0.7 its tip at the upper teeth (L), 1 between the teeth (TH).
        teeth: 1 = the rows of teeth meet and are bared, as for S.
    """

    open: float
    width: float
    bite: float = 0.0
    round: float = 0.0
    tongue: float = 0.0
    teeth: float = 0.0


REST = Viseme(0.0, 0.5)

_BILABIAL = "pbmɓʙɸβ"
_SHAPES: dict[str, Viseme] = {
    **dict.fromkeys("aɑäɐɶ", Viseme(0.95, 0.55)),
    **dict.fromkeys("æ", Viseme(0.85, 0.70)),
    **dict.fromkeys("ʌɒɐ", Viseme(0.75, 0.45)),
    **dict.fromkeys("ɔ", Viseme(0.70, 0.25, round=0.5)),
    **dict.fromkeys("o", Viseme(0.50, 0.15, round=0.75)),
    **dict.fromkeys("uʊ", Viseme(0.25, 0.05, round=1.0)),
    **dict.fromkeys("yʏ", Viseme(0.22, 0.10, round=1.0)),
    **dict.fromkeys("øœɵʉ", Viseme(0.45, 0.15, round=0.8)),
    **dict.fromkeys("əɜɘɞɚɝɤ", Viseme(0.40, 0.45)),
    **dict.fromkeys("ɛε", Viseme(0.62, 0.70)),
    **dict.fromkeys("e", Viseme(0.45, 0.80)),
    **dict.fromkeys("iɪɨᵻɯ", Viseme(0.28, 0.90, teeth=0.3)),
    **dict.fromkeys("fvʋⱱ", Viseme(0.12, 0.50, 1.0)),
    **dict.fromkeys("θð", Viseme(0.25, 0.55, tongue=1.0)),
    **dict.fromkeys("szɕʑ", Viseme(0.15, 0.70, teeth=1.0)),
    **dict.fromkeys("ʃʒʂʐ", Viseme(0.20, 0.15, round=0.8, teeth=0.8)),
    **dict.fromkeys("tdnɾɲɳʈɖ", Viseme(0.20, 0.60, tongue=0.6)),
    **dict.fromkeys("lɫʎɭɬɮ", Viseme(0.30, 0.55, tongue=0.75)),
    **dict.fromkeys("rɹɻɽʁʀ", Viseme(0.28, 0.30, round=0.35)),
    **dict.fromkeys("kɡgŋxɣqχcɟç", Viseme(0.28, 0.50)),
    **dict.fromkeys("jʝ", Viseme(0.22, 0.80, teeth=0.3)),
    **dict.fromkeys("wʍɥ", Viseme(0.18, 0.00, round=1.0)),
    **dict.fromkeys("hɦħʕʔ", Viseme(0.30, 0.50)),
    **dict.fromkeys(_BILABIAL, Viseme(0.0, 0.48)),
}


def visemes(symbol: str) -> tuple[Viseme, ...]:
    """The shapes a sound passes through, in equal parts: two for a diphthong, one for a pause.

    Stress, length and other marks are ignored; so are letters that move no lip.

    >>> [shape.width for shape in visemes("aʊ")]
    [0.55, 0.05]
    """
    # "(en)" says that a word is read as another language
    letters = "" if symbol.startswith("(") else unicodedata.normalize("NFD", symbol)
    shapes = tuple(_SHAPES[letter] for letter in letters if letter in _SHAPES)
    return shapes or (REST,)


def is_closure(symbol: str) -> bool:
    """Whether the lips must touch: P, B, M and their kin."""
    return any(letter in _BILABIAL for letter in symbol)
