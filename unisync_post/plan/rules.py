"""Reading track and file names: which stem, which language, dub or original, who speaks.

The rules themselves are data, ``track_rules.toml`` in the templates.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

from unisync_templates import read_template

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # type: ignore[import-not-found,unused-ignore]

UNDETERMINED = "und"
SPEECH_STEMS = ("dialogue", "voice-over")
"""Stems that hold voices and nothing else."""

_LONGEST_PHRASE = 3
_T = TypeVar("_T")
_TAG = re.compile(r"(?<![A-Za-z])([A-Za-z]{2,3})[-_]([A-Z]{2}|419)(?![A-Za-z0-9])")


@dataclass(frozen=True, slots=True)
class Label:
    """What a name says.

    Attributes:
        stem: ``dialogue``, ``m&e``, ``mix`` …; None when the name says nothing.
        language: BCP-47 tag or None.
        role: ``dub``, ``original`` or None.
        rest: the words left over, as written: where a character's name would be.
    """

    stem: str | None = None
    language: str | None = None
    role: str | None = None
    rest: tuple[str, ...] = ()

    def over(self, other: Label) -> Label:
        """This label, with what it leaves open taken from another."""
        return Label(
            self.stem or other.stem,
            self.language or other.language,
            self.role or other.role,
            self.rest or other.rest,
        )


@dataclass(frozen=True)
class _Rule:
    name: str
    pattern: re.Pattern[str]
    language: str | None = None
    capitals: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Rules:
    """The compiled track rules."""

    noise: re.Pattern[str]
    regions: frozenset[str]
    stems: tuple[_Rule, ...]
    versions: tuple[_Rule, ...]
    beside: Mapping[str, tuple[frozenset[str], str, str]]
    languages: Mapping[str, str]

    @classmethod
    def parse(cls, text: str) -> Rules:
        """Compile a rules file."""
        data = tomllib.loads(text)
        return cls(
            noise=re.compile(data["noise"]),
            regions=frozenset(data["regions"]),
            stems=tuple(_rule(table, "name") for table in data["stem"]),
            versions=tuple(_rule(table, "role") for table in data["version"]),
            beside={
                table["word"]: (frozenset(table["beside"]), table["role"], table["otherwise"])
                for table in data.get("beside", [])
            },
            languages={word: tag for tag, words in data["languages"].items() for word in words},
        )

    def read(self, name: str, siblings: Sequence[str] = ()) -> Label:
        """What this name says, standing among its siblings (the other tracks' names)."""
        written = _words(name)
        plain = [_plain(word) for word in written]
        used: set[int] = set()
        stem = self._match(self.stems, written, plain, used)
        version = self._match(self.versions, written, plain, used)
        role = version.name if version else None
        language = (version.language if version else None) or None
        stem_name = stem.name if stem else None
        for index, word in enumerate(plain):
            if word in self.beside:
                others, beside_role, otherwise = self.beside[word]
                used.add(index)
                if others.intersection(w for s in siblings for w in map(_plain, _words(s))):
                    role = beside_role
                else:
                    stem_name = stem_name or otherwise
        joined = stem_name is not None or role is not None
        language = language or self._language(name, written, plain, used, joined)
        rest = tuple(
            written[i]
            for i, word in enumerate(plain)
            if i not in used and not self.noise.fullmatch(word)
        )
        return Label(stem_name, language, role, rest)

    def language_tag(self, text: str) -> str | None:
        """A language as a document or a person writes it (``French``, ``fra``, ``fr-CA``)."""
        if match := _TAG.fullmatch(text.strip()):
            return f"{self.languages.get(match[1].lower(), match[1].lower())}-{match[2]}"
        return self.languages.get(_plain(text.strip()))

    def _match(
        self, rules: Sequence[_Rule], written: Sequence[str], plain: Sequence[str], used: set[int]
    ) -> _Rule | None:
        for rule in rules:
            for size in range(min(_LONGEST_PHRASE, len(plain)), 0, -1):
                for first in range(len(plain) - size + 1):
                    span = range(first, first + size)
                    phrase = " ".join(plain[i] for i in span)
                    if used.intersection(span) or not rule.pattern.fullmatch(phrase):
                        continue
                    if phrase in rule.capitals and not written[first].isupper():
                        continue
                    used.update(span)
                    return rule
        return None

    def _language(
        self,
        name: str,
        written: Sequence[str],
        plain: Sequence[str],
        used: set[int],
        joined: bool,
    ) -> str | None:
        for match in _TAG.finditer(name):
            base = self.languages.get(match[1].lower())
            if base is not None and match[2] in self.regions:
                used.update(i for i, w in enumerate(written) if w in (match[1], match[2]))
                return f"{base}-{match[2]}"
        for index, word in enumerate(plain):
            tag = self.languages.get(word)
            if tag is None or index in used:
                continue
            last = all(self.noise.fullmatch(later) for later in plain[index + 1 :])
            if _is_code(written[index], joined, last):
                used.add(index)
                return tag
        return None


@lru_cache(maxsize=1)
def track_rules() -> Rules:
    """The rules of the templates."""
    return Rules.parse(read_template("track_rules.toml"))


def same_language(one: str | None, other: str | None) -> bool:
    """Whether two tags may name one language: ``fr`` is met by ``fr-CA``, ``pt-BR`` not by
    ``pt-PT``; an unknown language matches nothing."""
    if not one or not other or UNDETERMINED in (one, other):
        return False
    first, second = one.lower().split("-"), other.lower().split("-")
    shorter = min(len(first), len(second))
    return first[:shorter] == second[:shorter]


def speakers(rests: Mapping[_T, tuple[str, ...]]) -> dict[_T, str | None]:
    """Who speaks on each of several files or tracks: the words that not all of them share.

    A file alone, or files of one name, name nobody.
    """
    if len(rests) < 2:
        return dict.fromkeys(rests)
    common = frozenset.intersection(*(frozenset(map(_plain, rest)) for rest in rests.values()))
    return {
        key: " ".join(word for word in rest if _plain(word) not in common) or None
        for key, rest in rests.items()
    }


def name_key(name: str) -> str:
    """A character's name as far as it counts: words alone, without case or accents."""
    return " ".join(map(_plain, _words(name)))


def _rule(table: Mapping[str, Any], name: str) -> _Rule:
    return _Rule(
        name=table[name],
        pattern=re.compile("|".join(f"(?:{word})" for word in table["words"])),
        language=table.get("language"),
        capitals=frozenset(table.get("capitals", ())),
    )


def _is_code(word: str, joined: bool, last: bool) -> bool:
    """Whether a word that looks like a language is meant as one."""
    if len(word) > 3 or word.isupper():
        return True
    if word.islower():
        return joined or last
    return joined and len(word) == 2


def _words(name: str) -> list[str]:
    return re.findall(r"[^\W_]+", name)


def _plain(word: str) -> str:
    decomposed = unicodedata.normalize("NFKD", word)
    return "".join(c for c in decomposed if not unicodedata.combining(c)).lower()
