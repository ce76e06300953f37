"""A root directory of Debian or Ubuntu with Python, made by debootstrap from a package mirror: no registry involved."""

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cloche.executors.docker.images.engine import Say
from cloche.executors.docker.images.errors import ImageError

DEFAULT_SUITE = "bookworm"
DEFAULT_MIRROR = "http://deb.debian.org/debian"
_NEEDED = ("ca-certificates", "python3")
# nothing of it is read in a container, and packages that are added later leave theirs out too
_UNREAD = ("usr/share/doc", "usr/share/info", "usr/share/locale", "usr/share/man")
_CACHES = ("var/cache/apt", "var/cache/debconf", "var/lib/apt/lists", "var/log")
_OPTIONS = re.compile(r'^Acquire::(?:Check-\S+|Retries) "[^"]*";$', re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One line of apt's sources."""

    address: str
    suite: str
    components: tuple[str, ...]

    def __str__(self) -> str:
        return f"deb {self.address} {self.suite} {' '.join(self.components)}"


def host_suite() -> str:
    """The suite of this host where it is Debian or Ubuntu, else Debian's that has Python 3.11."""
    import platform

    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return DEFAULT_SUITE
    if release.get("ID") in {"debian", "ubuntu"}:
        return release.get("VERSION_CODENAME") or DEFAULT_SUITE
    return DEFAULT_SUITE


def sources(suite: str, mirror: str = "") -> tuple[Source, ...]:
    """Where packages come from: ``mirror``, else where this host's apt gets that suite, else Debian's own mirror."""
    if mirror:
        return (Source(address=mirror, suite=suite, components=("main",)),)
    own = _host_sources(suite)
    if any(source.suite == suite for source in own):
        return own
    return (Source(address=DEFAULT_MIRROR, suite=suite, components=("main",)),)


def bootstrap(root: Path, suite: str, sources: Sequence[Source], packages: Sequence[str], say: Say) -> None:
    """Fill the directory ``root``. Raises ImageError."""
    _assert_possible()
    first = next(source for source in sources if source.suite == suite)
    names = ",".join(sorted({*_NEEDED, *packages}))
    command = ["debootstrap", "--variant=minbase", f"--include={names}"]
    command += [f"--components={','.join(first.components)}", suite, os.fspath(root), first.address]
    say(" ".join(command))
    last: list[str] = []
    with subprocess.Popen(  # noqa: S603 - no shell reads it
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            last = [*last[-9:], line.rstrip()]
            say(line.rstrip())
    if process.returncode:
        raise ImageError("\n".join((f"debootstrap of {suite} from {first.address} failed:", *last)))
    _configure(root, sources)
    _trim(root)


def _assert_possible() -> None:
    if shutil.which("debootstrap") is None:
        raise ImageError("there is no debootstrap: apt-get install debootstrap, or use --from-host or --tarball")
    if os.geteuid() != 0:
        raise ImageError("debootstrap needs root: run this with sudo, or use --from-host or --tarball")


def _host_sources(suite: str) -> tuple[Source, ...]:
    """What apt itself makes of its configuration, in all of its notations."""
    if shutil.which("apt-get") is None:
        return ()
    form = "$(REPO_URI) $(RELEASE) $(COMPONENT)"
    command = ["apt-get", "indextargets", "--format", form, "Created-By: Packages"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - a fixed command
    wanted = {suite, f"{suite}-updates", f"{suite}-security"}
    found: dict[tuple[str, str], list[str]] = {}
    for line in done.stdout.splitlines():
        match line.split():
            case [address, release, component] if release in wanted and address.startswith(("http:", "https:")):
                components = found.setdefault((address, release), [])
                components += [component] if component not in components else []
    return tuple(
        Source(address=address, suite=release, components=tuple(components))
        for (address, release), components in found.items()
    )


def _configure(root: Path, sources: Sequence[Source]) -> None:
    apt = root / "etc/apt"
    (apt / "sources.list").write_text("".join(f"{source}\n" for source in sources))
    options = ['APT::Install-Recommends "false";', 'Acquire::Languages "none";', *_host_options()]
    (apt / "apt.conf.d/90cloche").write_text("\n".join(options) + "\n")
    excluded = "".join(f"path-exclude=/{path}/*\n" for path in _UNREAD)
    (root / "etc/dpkg/dpkg.cfg.d/90cloche").write_text(excluded)


def _host_options() -> list[str]:
    """How strictly this host takes the dates of its mirror: a frozen or closed one has old ones."""
    if shutil.which("apt-config") is None:
        return []
    command = ["apt-config", "dump"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - a fixed command
    return _OPTIONS.findall(done.stdout)


def _trim(root: Path) -> None:
    for name in (*_UNREAD, *_CACHES):
        for path in (root / name).glob("*"):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    # the host's, which name what only it can reach
    for name in ("etc/resolv.conf", "etc/hostname"):
        (root / name).unlink(missing_ok=True)
