"""The file of a backup may come from anywhere: only what its manifest says is read, and only where
this version puts it."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from searchplane.backup import archive
from searchplane.backup.archive import Manifest
from searchplane.backup.parts import Part
from searchplane.errors import Permanent

MADE = datetime(2026, 11, 24, 12, tzinfo=UTC)
CONTENTS = {"database": b"rows" * 1000, "keys/1": b"key", "seals/1": b"seal"}


def ignore(_doing: str, _done: int, _total: int) -> None:
    """Nobody looks on."""


def accept(_manifest: Manifest) -> None:
    """Whatever it says."""


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    """A folder with the parts of a service."""
    folder = tmp_path / "parts"
    for name, content in CONTENTS.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def manifest(parts: Path) -> Manifest:
    found = tuple(archive.describe(parts, name) for name in CONTENTS)
    return Manifest(archive.FORMAT, "0.1.0", "0004", MADE, "/data on host", found)


@pytest.fixture
def into(tmp_path: Path) -> Path:
    folder = tmp_path / "outer" / "into"
    folder.mkdir(parents=True)
    return folder


def written(manifest: Manifest, folder: Path) -> bytes:
    out = io.BytesIO()
    archive.write(out, manifest, folder, ignore)
    return out.getvalue()


def read(content: bytes, into: Path) -> Manifest:
    return archive.read(io.BytesIO(content), into, accept, ignore)


def repacked(
    content: bytes, change: Callable[[list[tuple[tarfile.TarInfo, bytes]]], None]
) -> bytes:
    """The backup with other entries; hostile hands know the format as well as we do."""
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        entries = []
        for entry in tar:
            file = tar.extractfile(entry)
            assert file is not None
            entries.append((entry, file.read()))
    change(entries)
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for entry, held in entries:
            tar.addfile(entry, io.BytesIO(held))
    return out.getvalue()


def test_what_was_written_is_read(manifest: Manifest, parts: Path, into: Path) -> None:
    assert read(written(manifest, parts), into) == manifest
    for part in manifest.parts:
        place = into / part.name
        assert place.read_bytes() == CONTENTS[part.name]
        assert place.stat().st_mode & 0o777 == 0o600
        assert place.stat().st_mtime == part.modified


def test_nothing_is_written_before_the_manifest_was_looked_at(
    manifest: Manifest, parts: Path, into: Path
) -> None:
    def refuse(_manifest: Manifest) -> None:
        assert not any(into.iterdir())
        raise Permanent("not here")

    with pytest.raises(Permanent, match="not here"):
        archive.read(io.BytesIO(written(manifest, parts)), into, refuse, ignore)
    assert not any(into.iterdir())


@pytest.mark.parametrize(
    "name",
    ["../escaped", "/tmp/escaped", "keys/../../escaped", "keys/1/2", "tls/other", "nodes/1", ""],
)
def test_a_name_that_is_no_part_is_refused(
    manifest: Manifest, parts: Path, into: Path, name: str
) -> None:
    evil = replace(manifest, parts=(*manifest.parts, Part(name, 3, "0" * 64, 0.0)))
    (parts / "more").write_bytes(b"abc")
    content = written(manifest, parts)

    def change(entries: list[tuple[tarfile.TarInfo, bytes]]) -> None:
        entries[0] = entry(archive.MANIFEST, archive._MANIFEST.dump_json(evil))
        entries.append(entry(name or "x", b"abc"))

    with pytest.raises(Permanent, match="which is no part of ours"):
        read(repacked(content, change), into)
    assert not any(into.iterdir())
    assert not (into.parent / "escaped").exists()


def entry(name: str, content: bytes) -> tuple[tarfile.TarInfo, bytes]:
    made = tarfile.TarInfo(name)
    made.size = len(content)
    return made, content


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE]
)
def test_a_link_in_the_place_of_a_part_is_refused(
    manifest: Manifest, parts: Path, into: Path, kind: bytes
) -> None:
    def change(entries: list[tuple[tarfile.TarInfo, bytes]]) -> None:
        planted = tarfile.TarInfo("database")
        planted.type, planted.linkname = kind, "/etc/passwd"
        entries[1] = (planted, b"")

    with pytest.raises(Permanent, match="not a whole backup: database is right"):
        read(repacked(written(manifest, parts), change), into)
    assert not any(into.iterdir())


def test_a_part_that_was_changed_is_refused(manifest: Manifest, parts: Path, into: Path) -> None:
    (parts / "seals" / "1").write_bytes(b"SEAL")
    with pytest.raises(Permanent, match=r"damaged: seals/1 is not what its manifest says"):
        read(written(manifest, parts), into)


def test_more_than_the_manifest_says_is_refused(
    manifest: Manifest, parts: Path, into: Path
) -> None:
    content = repacked(written(manifest, parts), lambda all_: all_.append(entry("keys/2", b"key")))
    with pytest.raises(Permanent, match="there is more in it than its manifest says"):
        read(content, into)


def test_less_than_the_manifest_says_is_refused(
    manifest: Manifest, parts: Path, into: Path
) -> None:
    with pytest.raises(Permanent, match="not a whole backup: seals/1 is right, nothing is there"):
        read(repacked(written(manifest, parts), lambda all_: all_.__delitem__(3)), into)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.95])
def test_a_file_that_is_cut_off_is_refused(
    manifest: Manifest, parts: Path, into: Path, share: float
) -> None:
    content = written(manifest, parts)
    with pytest.raises(Permanent, match="not a"):
        read(content[: int(len(content) * share)], into)


@pytest.mark.parametrize(
    "content",
    [b"text", gzip.compress(b"text"), gzip.compress(b"\0" * 5000)],
    ids=["text", "compressed text", "compressed zeros"],
)
def test_another_file_is_refused(content: bytes, into: Path) -> None:
    with pytest.raises(Permanent, match="not a"):
        read(content, into)


def test_a_newer_format_names_the_version_that_reads_it(
    manifest: Manifest, parts: Path, into: Path
) -> None:
    newer = written(replace(manifest, format=2, searchplane="9.0"), parts)
    with pytest.raises(Permanent, match=r"format 2, and this version reads 1; searchplane 9\.0"):
        read(newer, into)


def test_a_manifest_without_end_is_refused(manifest: Manifest, parts: Path, into: Path) -> None:
    def change(entries: list[tuple[tarfile.TarInfo, bytes]]) -> None:
        entries[0] = entry(archive.MANIFEST, b" " * (archive.MANIFEST_BYTES + 1))

    with pytest.raises(Permanent, match="1000000 are the most"):
        read(repacked(written(manifest, parts), change), into)
