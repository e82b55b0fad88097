"""Projects and bins: refused by content or by name, with the export to make instead."""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path

import pytest

from unisync_adapters import EditError, open_edit


def _resolve() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as project:
        project.writestr("project.xml", b"<x/>")
    return file.getvalue()


_PREMIERE = b'<?xml version="1.0"?>\n<PremiereData Version="3"></PremiereData>'


@pytest.mark.parametrize(
    ("name", "data", "what", "export"),
    [
        ("a.prproj", gzip.compress(_PREMIERE), "Premiere project", "Final Cut Pro XML"),
        ("renamed.xml", _PREMIERE, "Premiere project", "Final Cut Pro XML"),
        ("a.prproj", b"\x1f\x8bdamaged", "Premiere project", "Final Cut Pro XML"),
        ("renamed.bin", _resolve(), "DaVinci Resolve project", "FCP 7 XML"),
        ("a.drp", b"anything", "DaVinci Resolve project", "FCP 7 XML"),
        ("renamed.aaf", b"\x06\x00DomainJ\x00", "Avid bin", "as AAF"),
        ("a.avb", b"anything", "Avid bin", "as AAF"),
        ("a.txt", b"Heading\r\nFIELD_DELIM\tTABS\r\n", "ALE", "EDL from the List Tool"),
        ("a.ale", b"anything", "ALE", "EDL"),
    ],
)
def test_the_export_to_make_is_named(
    name: str, data: bytes, what: str, export: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(EditError) as caught:
        open_edit(path)
    assert what in caught.value.what
    assert export in (caught.value.remedy or "")


def test_anything_else_is_told_the_formats(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(b"no project"))
    with pytest.raises(EditError, match="no edit document of a known format"):
        open_edit(path)
