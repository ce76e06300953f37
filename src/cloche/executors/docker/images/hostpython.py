"""A root directory with nothing but this host's Python and the libraries it needs: for hosts without any mirror."""

import io
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from cloche.executors.docker.images.errors import ImageError

# binary wheels may take these from the system (PEP 600: manylinux_2_36 and older); wheels made on old systems name the
# parts of the C library that are empty in newer ones
_WHEELS_NEED = (
    *("libstdc++.so.6", "libgcc_s.so.1", "libz.so.1", "libexpat.so.1"),
    *("libpthread.so.0", "libdl.so.2", "librt.so.1", "libm.so.6", "libutil.so.1", "libresolv.so.2"),
)
_LEFT_OUT = frozenset(
    {"site-packages", "dist-packages", "test", "tests", "idlelib", "tkinter", "turtledemo", "ensurepip"}
)
_LEFT_OUT_FILES = re.compile(r".*\.(a|pyc)|.*\bpip.*\.whl")
_ACCOUNTS = {
    "etc/passwd": "root:x:0:0:root:/root:/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n",
    "etc/group": "root:x:0:\nnogroup:x:65534:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}
_MAPPED = re.compile(r"(?:=>\s+)?(/\S+)\s+\(0x")


def write_root(archive: Path) -> None:
    """Write a tar archive of the root directory. ``python3`` in it is this interpreter. Raises ImageError."""
    interpreter = Path(sys.executable).resolve()
    library = Path(sysconfig.get_path("stdlib"))
    with tarfile.open(archive, "w") as tar:
        root = _Root(tar)
        for name in ("dev", "etc", "proc", "sys", "usr/local/bin", "var"):
            root.directory(name)
        for name in ("tmp", "var/tmp"):
            root.directory(name, mode=0o1777)
        for name, text in _ACCOUNTS.items():
            root.text(name, text)
        home = f"usr/local/lib/{library.name}"
        root.file(f"usr/local/bin/{library.name}", interpreter, mode=0o755)
        root.link("usr/local/bin/python3", library.name)
        for path, name in _library(library):
            root.file(f"{home}/{name}", path)
        root.directory(f"{home}/site-packages")
        for path in _shared(interpreter, library):
            root.file(os.fspath(path).lstrip("/"), path.resolve(), mode=0o755)
        if (cache := Path("/etc/ld.so.cache")).exists():
            root.file("etc/ld.so.cache", cache)


class _Root:
    """Entries of the archive, all of root's, readable by everybody."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar
        self._made: set[str] = {""}
        self._now = int(time.time())

    def directory(self, name: str, mode: int = 0o755) -> None:
        if name in self._made:
            return
        self.directory(_parent(name))
        self._made.add(name)
        info = self._info(name, mode)
        info.type = tarfile.DIRTYPE
        self._tar.addfile(info)

    def file(self, name: str, path: Path, mode: int = 0o644) -> None:
        data = path.read_bytes()
        self._bytes(name, data, mode)

    def text(self, name: str, text: str) -> None:
        self._bytes(name, text.encode(), 0o644)

    def link(self, name: str, target: str) -> None:
        self.directory(_parent(name))
        info = self._info(name, 0o777)
        info.type, info.linkname = tarfile.SYMTYPE, target
        self._tar.addfile(info)

    def _bytes(self, name: str, data: bytes, mode: int) -> None:
        if name in self._made:
            return
        self.directory(_parent(name))
        self._made.add(name)
        info = self._info(name, mode)
        info.size = len(data)
        self._tar.addfile(info, io.BytesIO(data))

    def _info(self, name: str, mode: int) -> tarfile.TarInfo:
        info = tarfile.TarInfo(name)
        info.mode, info.mtime = mode, self._now
        return info


def _parent(name: str) -> str:
    return name.rpartition("/")[0]


def _library(library: Path) -> Iterator[tuple[Path, str]]:
    """Python's own modules: no tests, no editors, no packages that happen to be installed."""
    for folder, folders, files in os.walk(library):
        folders[:] = sorted(name for name in folders if name not in _LEFT_OUT and name != "__pycache__")
        for name in sorted(files):
            path = Path(folder, name)
            if not _LEFT_OUT_FILES.fullmatch(name):
                yield path, os.fspath(path.relative_to(library))


def _shared(interpreter: Path, library: Path) -> list[Path]:
    """Shared libraries of the interpreter, of its modules and for wheels, by the names they are looked up under."""
    extensions = sorted((library / "lib-dynload").glob("*.so"))
    named = [path for name in _WHEELS_NEED if (path := _registered(name, interpreter)) is not None]
    return sorted({*_needed([interpreter, *extensions, *named]), *named})


def _needed(files: Iterable[Path]) -> set[Path]:
    if shutil.which("ldd") is None:
        raise ImageError("there is no ldd to find shared libraries with: use --debootstrap or --tarball")
    done = subprocess.run(  # noqa: S603 - the files of this interpreter
        ["ldd", *map(os.fspath, files)],  # noqa: S607 - wherever the host has it
        check=False,
        capture_output=True,
        text=True,
    )
    return {Path(os.path.normpath(path)) for path in _MAPPED.findall(done.stdout)}


def _registered(name: str, interpreter: Path) -> Path | None:
    """Where the loader finds a library of the interpreter's kind; None where this host has none of that name."""
    ldconfig = shutil.which("ldconfig", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin")
    if ldconfig is None:
        return None
    done = subprocess.run([ldconfig, "-p"], check=False, capture_output=True, text=True)  # noqa: S603 - a fixed command
    for line in done.stdout.splitlines():
        title, arrow, path = line.strip().partition(" => ")
        if arrow and title.split(" ", 1)[0] == name and _machine(Path(path)) == _machine(interpreter):
            return Path(path)
    return None


def _machine(file: Path) -> bytes:
    """Word size and processor from the header of an ELF file."""
    with file.open("rb") as opened:
        header = opened.read(20)
    return header[4:6] + header[18:20]
