"""A server that answers as the Hugging Face Hub does, from a local folder."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = "c0ffee" + "0" * 34


@contextmanager
def local_hub(folder: Path, repository: str) -> Iterator[tuple[str, list[str]]]:
    """Serves `folder` as `repository`; yields the endpoint and the paths asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def do_GET(self) -> None:
            self._answer(with_body=True)

        def _answer(self, *, with_body: bool) -> None:
            path = self.path.partition("?")[0].lstrip("/")
            asked.append(path)
            body = self._body(path)
            self.send_response(404 if body is None else 200)
            body = body or b"{}"
            self.send_header("Content-Length", str(len(body)))
            self.send_header("ETag", f'"{hashlib.sha256(body).hexdigest()}"')
            self.send_header("X-Repo-Commit", COMMIT)
            self.end_headers()
            if with_body:
                self.wfile.write(body)

        def _body(self, path: str) -> bytes | None:
            names = sorted(
                file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()
            )
            if path.startswith(f"api/models/{repository}/tree/"):
                return json.dumps([_entry(folder, name) for name in names]).encode()
            if path.startswith(f"api/models/{repository}"):
                siblings = [{"rfilename": name} for name in names]
                info = {"id": repository, "sha": COMMIT, "siblings": siblings}
                return json.dumps(info).encode()
            file = folder / path.removeprefix(f"{repository}/resolve/").partition("/")[2]
            return file.read_bytes() if file.is_file() else None

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _entry(folder: Path, name: str) -> dict[str, object]:
    content = (folder / name).read_bytes()
    digest = hashlib.sha1(content).hexdigest()
    return {"type": "file", "path": name, "size": len(content), "oid": digest}
