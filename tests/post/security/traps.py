"""Hostile media, each a real file or name that an unguarded reader falls for."""

from __future__ import annotations

import multiprocessing
import signal
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from pathlib import Path

from unisync_post.errors import UniSyncError
from unisync_post.sandbox import SandboxError, limit_decoder

_CONTAINERS = (b"moov", b"trak", b"mdia", b"minf", b"dinf")


@dataclass
class Web:
    """A web server on this machine that remembers every connection."""

    port: int = 0
    visits: list[str] = field(default_factory=list)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"


@contextmanager
def web_server() -> Iterator[Web]:
    web = Web()

    class Handler(BaseHTTPRequestHandler):
        def setup(self) -> None:
            web.visits.append("somebody")
            super().setup()

        def do_GET(self) -> None:  # the library's name
            web.visits.append(self.path)
            self.send_error(404)

        do_HEAD = do_OPTIONS = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    web.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield web
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def urls(web: Web, movie: Path) -> dict[str, str]:
    """Media references that are no plain file, by scheme. ``movie`` is a good one."""
    return {
        "http": f"http://{web.host}/a.mov",
        "https": f"https://{web.host}/a.mov",
        "ftp": f"ftp://{web.host}/a.mov",
        "rtmp": f"rtmp://{web.host}/a",
        "rtsp": f"rtsp://{web.host}/a",
        "udp": f"udp://{web.host}",
        "concat": f"concat:{movie}|{movie}",
        "concatf": f"concatf:{movie}",
        "subfile": f"subfile,,start,0,end,64,,:{movie}",
        "crypto": f"crypto:{movie}",
        "cache": f"cache:http://{web.host}/a.mov",
        "async": f"async:http://{web.host}/a.mov",
        "data": "data:video/quicktime;base64,AAAA",
        "pipe": "pipe:0",
        "fd": "fd:0",
        "tee": f"tee:{movie}",
        "file-http": f"file:http://{web.host}/a.mov",
        "file-device": "file:///dev/zero",
        "device": "/dev/zero",
        "lavfi": "testsrc=size=64x64:rate=25",
    }


def disguised(folder: Path, web: Web, movie: Path) -> dict[str, Path]:
    """Playlists and reference movies under the names of plain media."""
    hls = "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXT-X-VERSION:3\n#EXTINF:9,\n{}\n#EXT-X-ENDLIST\n"
    remote = f"http://{web.host}/segment.ts"
    texts = {
        "hls.mp4": hls.format(remote),
        "hls.ts": hls.format(remote),
        "playlist.m3u8": hls.format("file:///etc/passwd"),
        "concat.mov": f"ffconcat version 1.0\nfile '{movie}'\n",
        "concat_web.mp4": f"ffconcat version 1.0\nfile '{remote}'\n",
        "dash.mov": f'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" '
        f'type="static"><Period><AdaptationSet><BaseURL>{remote}</BaseURL></AdaptationSet>'
        f"</Period></MPD>",
        "sdp.mov": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n"
        f"m=video {web.port} RTP/AVP 96\na=rtpmap:96 H264/90000\n",
        "asx.mov": f'<asx version="3.0"><entry><ref href="{remote}"/></entry></asx>',
        "reference.mov": f"[Reference]\nRef1={remote}\n",
        "subtitle.mov": "1\n00:00:00,000 --> 00:00:01,000\nhello\n",
        "secret.mov": "root:x:0:0:root:/root:/bin/bash\n" * 40,
    }
    for name, text in texts.items():
        (folder / name).write_text(text)
    alias = folder / "alias.mov"
    alias.write_bytes(with_reference(movie.read_bytes(), b"alis", alias_record(movie.name)))
    linked = folder / "linked.mov"
    linked.write_bytes(with_reference(movie.read_bytes(), b"url ", remote.encode() + b"\0"))
    return {path.name: path for path in [*map(folder.joinpath, texts), alias, linked]}


def alias_record(name: str) -> bytes:
    """A Macintosh alias to a file beside the movie, as FFmpeg reads one."""
    path = f"Disk:folder:{name}".encode()
    record = bytes(10) + bytes([4]) + b"Disk".ljust(27, b"\0") + bytes(12)
    record += bytes([len(name)]) + name.encode().ljust(63, b"\0") + bytes(16)
    record += struct.pack(">HH", 1, 1) + bytes(16)
    record += struct.pack(">HH", 2, len(path)) + path + bytes(len(path) % 2)
    return (record + struct.pack(">HH", 0xFFFF, 0)).ljust(160, b"\0")


def with_reference(movie: bytes, kind: bytes, payload: bytes) -> bytes:
    """A QuickTime movie whose essence is said to lie elsewhere; its own is blanked out."""
    entry = struct.pack(">I4sI", 12 + len(payload), kind, 0) + payload
    return _rewritten(movie, struct.pack(">II", 0, 1) + entry)


def _rewritten(data: bytes, references: bytes) -> bytes:
    made, at = b"", 0
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at : at + 8])
        body = data[at + 8 : at + size]
        if kind in _CONTAINERS:
            body = _rewritten(body, references)
        elif kind == b"dref":
            body = references
        elif kind == b"mdat":
            body = bytes(len(body))
        made += struct.pack(">I4s", 8 + len(body), kind) + body
        at += size
    return made


def patched(movie: bytes, box: bytes, offset: int, value: bytes) -> bytes:
    """A movie with bytes of its first box of this kind replaced, ``offset`` from its type."""
    at = movie.index(box) + offset
    return movie[:at] + value + movie[at + len(value) :]


def in_limits(
    task: Callable[[], object],
    *,
    memory: int = 1 << 30,
    cpu_seconds: int | None = None,
    seconds: float = 60,
) -> object:
    """What a task returns or raises in a process limited as the workers are.

    Raises:
        SandboxError: it died, or raised something that is not of the family.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_limited, args=(theirs, task, memory, cpu_seconds))
    process.start()
    theirs.close()
    try:
        assert ours.poll(seconds), "it hangs"
        answer = ours.recv()
    except EOFError:
        process.join()
        assert process.exitcode is not None
        raise SandboxError(f"killed by {signal.Signals(-process.exitcode).name}") from None
    finally:
        process.kill()
        process.join()
        ours.close()
    if isinstance(answer, UniSyncError):
        raise answer
    return answer


def _limited(
    pipe: Connection, task: Callable[[], object], memory: int, cpu_seconds: int | None
) -> None:
    limit_decoder(memory, cpu_seconds)
    try:
        pipe.send(task())
    except UniSyncError as error:
        pipe.send(error)
    except Exception as error:
        pipe.send(SandboxError(f"{type(error).__name__}: {error}"))
