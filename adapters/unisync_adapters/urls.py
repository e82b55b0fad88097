"""Media URLs as edit documents write them, and the paths this machine sees them at.

Every NLE has its own form (``file://localhost/C%3a/…``, ``file:///Users/…``, ``/Users/…``,
``C:\\…``, ``\\\\server\\share\\…``). A relinked clip must be written in the form its author
used, or the NLE that wrote it reports the media offline. RFC 3986 and RFC 8089 are the grammar;
where authors break it (a raw ``#``, a lone ``%``, a raw space) they are read as they were meant.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote_from_bytes, unquote_to_bytes

from .document import PathMap
from .errors import UrlError

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://|(?:data|urn|blob|mailto):", re.IGNORECASE)
_FILE = re.compile(
    r"(?P<scheme>file:)"
    r"(?P<authority>//localhost(?=/)|//(?=[/\\])|//(?=[A-Za-z](?::|%3a|\|)[/\\])|//[^/\\]+|)"
    r"(?P<rest>.*)",
    re.IGNORECASE | re.DOTALL,
)
_DRIVE = re.compile(r"[A-Za-z]:(?:[/\\]|$)")
_DRIVE_AT_ROOT = re.compile(r"([/\\]*)([A-Za-z])(?::|\|)(?=[/\\]|$)")
_UNC = re.compile(r"[/\\]{2}[^/\\]")
_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")
_RAW_LETTER = re.compile("[^\x00-\x9f\ud800-\udfff]")
"""Non-ASCII that text can hold: no control, no byte that was not UTF-8."""
_PRINTF = re.compile(r"%(?=0\d*d\.\w+\Z)")
"""Of an image sequence's frame number, which some authors leave raw: no escape."""
_ENCODED_PRINTF = re.compile(r"%25(?=0\d*d\.\w+\Z)")
_FREE = re.compile(r"[A-Za-z0-9_.-]+")
"""A file's name that every author writes as it is, whatever he does to others."""
_OPTIONAL = " :!$&'()*+,;=@[]"
"""Characters that some authors encode in a path and others do not."""


@dataclass(frozen=True, slots=True)
class _Encoding:
    """How an author percent-encodes: what he leaves raw, and the case of his hex digits."""

    raw: str = ":"
    raw_non_ascii: bool = False
    raw_printf: bool = False
    lower_hex: bool = False

    @classmethod
    def seen_in(cls, text: str) -> _Encoding:
        escapes = _ESCAPE.findall(text)
        encoded = {chr(int(escape[1:], 16)) for escape in escapes}
        seen = set(_ESCAPE.sub("", text))
        raw = "".join(c for c in _OPTIONAL if c not in encoded and (c in seen or c == ":"))
        high_encoded = any(ord(c) > 127 for c in encoded)
        high_seen = any(ord(c) > 127 for c in seen)
        letters = "".join(re.findall(r"[A-Fa-f]", "".join(e[1:] for e in escapes)))
        return cls(
            raw=raw,
            # nothing non-ASCII to go by: an author who leaves spaces raw encodes nothing at all
            raw_non_ascii=not high_encoded and (high_seen or " " in raw),
            raw_printf=_PRINTF.search(text) is not None,
            lower_hex=letters != "" and letters == letters.lower(),
        )

    def encode(self, path: str) -> str:
        if self.raw_non_ascii:
            quoted = "".join(c if _RAW_LETTER.match(c) else self._encode(c) for c in path)
        else:
            quoted = self._encode(path)
        return _ENCODED_PRINTF.sub("%", quoted) if self.raw_printf else quoted

    def _encode(self, text: str) -> str:
        quoted = quote_from_bytes(text.encode("utf-8", "surrogateescape"), safe="/" + self.raw)
        if self.lower_hex:
            quoted = _ESCAPE.sub(lambda match: match[0].lower(), quoted)
        return quoted


@dataclass(frozen=True, slots=True)
class _Form:
    """What an author writes before a relative, a rooted, a drive and a UNC path."""

    relative: str
    root: str
    drive: str
    unc: str

    @classmethod
    def of_base(cls, scheme: str, authority: str) -> _Form:
        base = scheme + authority
        unc = base + "//" if len(authority) > 2 else scheme + "//"
        return cls(relative=scheme, root=base, drive=base + "/", unc=unc)


@dataclass(frozen=True, slots=True)
class MediaUrl:
    """One media URL or path, with the form its author gave it.

    Attributes:
        text: as the document has it (character references of the format resolved).
        path: decoded, as the author's machine sees it. Out of a URL, Windows paths come with
            forward slashes (``C:/a.mov``, ``//server/share/a.mov``); plain paths are verbatim.

    >>> MediaUrl.parse("file://localhost/C%3a/old%20cut/a.mov").replace("D:/new cut/b.mov")
    'file://localhost/D%3a/new%20cut/b.mov'
    """

    text: str
    path: str
    _form: _Form | None

    @classmethod
    def parse(cls, text: str) -> MediaUrl:
        """Read a file URL in any form, or a plain path.

        Raises:
            UrlError: empty, not a file (``http://`` …), or a NUL in it.
        """
        stripped = text.strip()
        if not stripped:
            raise UrlError("An empty media URL names no file")
        match = _FILE.match(stripped)
        if match is None:
            if scheme := _SCHEME.match(stripped):
                raise UrlError(
                    f"{text!r} is no file: {scheme[0]} media cannot be processed",
                    remedy="Download the media and relink the clip to the file",
                )
            path, form = text, None
        else:
            path, form = _read_file_url(match["scheme"], match["authority"], match["rest"])
        if "\0" in path:
            raise UrlError(f"{text!r} holds a NUL character and names no file")
        return cls(text, path, form)

    @property
    def is_windows(self) -> bool:
        """A drive or UNC path."""
        return _is_windows(self.path)

    @property
    def is_relative(self) -> bool:
        """Relative to the edit document."""
        return not self.is_windows and not self.path.startswith("/")

    @property
    def name(self) -> str:
        """The file's own name, whatever slashes its author uses."""
        return re.split(r"[/\\]" if self.is_windows else "/", self.path)[-1]

    def replace(self, path: str) -> str:
        """Another path in this author's form.

        Raises:
            UrlError: a path that cannot be written so that reading it gives the same path.
        """
        for text in self._candidates(path):
            try:
                if _unified(MediaUrl.parse(text).path) == _unified(path):
                    return text
            except UrlError:
                continue
        raise UrlError(f"{path!r} cannot be written in the form of {self.text!r}")

    def _candidates(self, path: str) -> list[str]:
        if self._form is None:
            if _is_windows(path) and self.is_windows:
                backslash = "\\" in self.path
                path = path.replace("/", "\\") if backslash else path.replace("\\", "/")
            return [path]
        path = _unified(path)
        _, _, written = self.text.strip().partition(":")
        try:
            encoded = _Encoding.seen_in(written).encode(path)
        except UnicodeEncodeError as error:
            raise UrlError(f"{path!r} is not valid text") from error
        if _DRIVE.match(path):
            return [self._form.drive + encoded]
        if _UNC.match(path):
            # a host called localhost would be read as this machine: then the slashed form
            return [self._form.unc + encoded[2:], "file:////" + encoded[2:]]
        return [(self._form.root if path.startswith("/") else self._form.relative) + encoded]


def _read_file_url(scheme: str, authority: str, rest: str) -> tuple[str, _Form]:
    """Path and form of ``scheme`` + ``authority`` + ``rest``."""
    if len(authority) > 2 and authority.lower() != "//localhost":
        form = _Form(relative=scheme, root=scheme + "//", drive=scheme + "///", unc=scheme + "//")
        return "//" + _decode(authority[2:] + rest).replace("\\", "/"), form
    path = _decode(rest)
    form = _Form.of_base(scheme, authority)
    base = scheme + authority
    if drive := _DRIVE_AT_ROOT.match(path):
        tail = path[drive.end() :].replace("\\", "/")
        return f"{drive[2]}:{tail}", _Form(scheme, base, base + drive[1], form.unc)
    if re.match(r"[/\\]{2}", path):
        tail = path.lstrip("/\\")
        slashes = path[: len(path) - len(tail)]
        return "//" + tail.replace("\\", "/"), _Form(scheme, base, form.drive, base + slashes)
    return path, form


def _decode(text: str) -> str:
    """Percent-decoding; bytes that are not UTF-8 become surrogates, as in ``os.fsdecode``."""
    return unquote_to_bytes(_PRINTF.sub("%25", text)).decode("utf-8", "surrogateescape")


def _is_windows(path: str) -> bool:
    return bool(_DRIVE.match(path) or _UNC.match(path))


def _unified(path: str) -> str:
    """Windows paths with forward slashes; POSIX's three or more leading slashes as one."""
    if _is_windows(path):
        return path.replace("\\", "/")
    return re.sub(r"\A///+", "/", path)


@lru_cache(maxsize=64)
def _prefix(text: str) -> str:
    """The path of a prefix of a path map, which is asked for with every file."""
    return MediaUrl.parse(text).path


@lru_cache(maxsize=64)
def _parts(path: str) -> tuple[str, ...]:
    """Anchor (``/``, ``C:``, ``//server`` or empty) and components, folded where case is free."""
    windows = _is_windows(path)
    unified = _unified(path)
    if _UNC.match(unified):
        anchor, unified = "//", unified[2:]
    else:
        anchor = "/" if unified.startswith("/") else ""
    parts = [anchor, *(part for part in unified.split("/") if part)]
    return tuple(part.casefold() for part in parts) if windows else tuple(parts)


def _rest_under(path: str, prefix: str) -> list[str] | None:
    """Components of ``path`` below ``prefix`` in their own spelling; None if it lies elsewhere."""
    whole, head = _parts(path), _parts(prefix)
    if whole[: len(head)] != head:
        return None
    spelled = [part for part in _unified(path).split("/") if part]
    return spelled[len(head) - 1 :]


def map_to_local(text: str, path_map: PathMap, relative_to: Path) -> Path:
    """Where this machine finds what the edit calls ``text``.

    The longest matching prefix of the path map wins; Windows prefixes match in any case and with
    either slash. A relative path is taken from ``relative_to``, the edit's folder. The file need
    not exist; a Windows path that no pair maps comes back as it is, to be reported as offline.

    Raises:
        UrlError: the text names no file.
    """
    url = MediaUrl.parse(text)
    best: tuple[int, Path] | None = None
    for theirs, ours in path_map.pairs:
        prefix = _prefix(theirs)
        rest = _rest_under(url.path, prefix)
        if rest is not None and (best is None or len(_parts(prefix)) > best[0]):
            best = len(_parts(prefix)), Path(ours).joinpath(*rest)
    if best is not None:
        return best[1]
    if not url.is_relative:
        return Path(_unified(url.path))
    # no slash but backslashes: a relative path written on Windows
    path = url.path if "/" in url.path else url.path.replace("\\", "/")
    return relative_to / path


def map_from_local(path: Path, path_map: PathMap, like: MediaUrl) -> str:
    """``path`` as the edit's author would write it: the path map undone, in the form of ``like``.

    The longest local prefix wins; of two equal ones, that which ``like`` itself lies under. A
    relative form cannot know where the returned document will lie, so it becomes absolute.

    Raises:
        UrlError: the path cannot be written in that form.
    """
    local = str(path)
    best: tuple[tuple[int, bool], str] | None = None
    for theirs, ours in path_map.pairs:
        rest = _rest_under(local, ours)
        if rest is None:
            continue
        prefix = _prefix(theirs)
        rank = len(_parts(ours)), _rest_under(like.path, prefix) is not None
        if best is None or rank > best[0]:
            separator = "\\" if "\\" in prefix and _is_windows(prefix) else "/"
            best = rank, separator.join([prefix.rstrip("/\\"), *rest])
    return like.replace(local if best is None else best[1])


class LocalUrls:
    """:func:`map_from_local` for many files: what their folder becomes is worked out once."""

    def __init__(self, path_map: PathMap, like: MediaUrl) -> None:
        self._path_map = path_map
        self._like = like
        self._folders: dict[str, str] = {}
        self._mapped = {os.path.basename(ours) for _, ours in path_map.pairs}
        """Last names of local prefixes: one may be a file, which then goes elsewhere alone."""

    def of(self, path: Path) -> str:
        """``path`` as the edit's author would write it.

        Raises:
            UrlError: the path cannot be written in that form.
        """
        folder, _, name = os.fspath(path).rpartition(os.sep)
        if name in self._mapped or not _FREE.fullmatch(name):
            return map_from_local(path, self._path_map, self._like)
        if folder not in self._folders:
            written = map_from_local(path, self._path_map, self._like)
            self._folders[folder] = written.removesuffix(name)
        return self._folders[folder] + name
