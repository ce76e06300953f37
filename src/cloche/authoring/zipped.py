"""Zip archives from strangers: unpacked flat, into a directory of our own, up to stated sizes."""

import stat
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from cloche.authoring.errors import WrongData

MAX_MEMBERS = 500
MAX_BYTES = 4 << 30
MAX_RATIO = 200  # DEFLATE reaches 1000; tables padded with blanks reach about 100
_CHUNK = 1 << 20
_SMALL = 16 << 20  # below this no ratio is dangerous


def unpack(archive: Path, into: Path, suffixes: frozenset[str]) -> tuple[Path, ...]:
    """Unpack the members of ``archive`` that end in ``suffixes`` (lower case) into ``into``, without their folders.

    A name that leaves the archive, a link, an encrypted member, two members of one name and a zip bomb are refused:
    WrongData. Sizes are counted while writing: what the archive says of itself is not believed.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            return tuple(_unpack_all(opened, into, suffixes, archive.stat().st_size))
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, RuntimeError, OSError) as error:
        raise WrongData(f"it is not a readable zip archive: {error}") from None


def _unpack_all(archive: zipfile.ZipFile, into: Path, suffixes: frozenset[str], packed: int) -> Iterator[Path]:
    members = archive.infolist()
    if len(members) > MAX_MEMBERS:
        raise WrongData(f"the zip archive has more than {MAX_MEMBERS} members")
    budget = min(MAX_BYTES, max(_SMALL, packed * MAX_RATIO))
    for member in members:
        name = _safe_name(member)
        if PurePosixPath(name).suffix.lower() not in suffixes or "__MACOSX" in member.filename:
            continue
        target = into / PurePosixPath(name).with_suffix(PurePosixPath(name).suffix.lower())
        budget -= _unpack_one(archive, member, target, budget)
        yield target


def _safe_name(member: zipfile.ZipInfo) -> str:
    path = PurePosixPath(member.filename.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or "\0" in member.filename or ":" in member.filename:
        raise WrongData(f"the zip archive has a member outside itself: {member.filename!r}")
    if stat.S_ISLNK(member.external_attr >> 16):
        raise WrongData(f"the zip archive has a link: {member.filename!r}")
    if member.flag_bits & 1:
        raise WrongData("the zip archive is encrypted")
    return path.name


def _unpack_one(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path, budget: int) -> int:
    written = 0
    try:
        with archive.open(member) as source, target.open("xb") as file:
            while chunk := source.read(_CHUNK):
                written += len(chunk)
                if written > budget:
                    raise WrongData("the zip archive unpacks to more than is accepted")
                file.write(chunk)
    except FileExistsError:
        raise WrongData(f"the zip archive has two members named {target.name!r}") from None
    return written
