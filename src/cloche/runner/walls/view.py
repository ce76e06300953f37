"""What an execution may see of the host's files: decided once a zygote, by names, before any wall stands."""

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path, PurePath

_SYSTEM = (
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/etc/alternatives",
    "/etc/fonts",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/mime.types",
    "/etc/timezone",
    "/sys/devices/system/cpu",
)
_SYSTEM_NETWORK = (
    "/etc/ca-certificates",
    "/etc/gai.conf",
    "/etc/host.conf",
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/etc/pki",
    "/etc/protocols",
    "/etc/resolv.conf",
    "/etc/services",
    "/etc/ssl",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """``readable``: absolute, existing paths without symbolic links on the way, none below another, none hidden.

    ``links``: the symbolic links by which some of them are known.
    """

    readable: tuple[str, ...]
    links: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """Where a package lies: ``own`` directories or files, without which it is nothing, and what is ``around`` them."""

    own: tuple[Path, ...] = ()
    around: tuple[Path, ...] = ()


def view_of(
    code: Code,
    *,
    readable: Iterable[str] = (),
    hidden: Iterable[str] = (),
    network: bool = False,
    legible: Callable[[Path], bool] = lambda _: True,
) -> View:
    """System, Python, Cloche's own code, the package and what the operator added, without what is hidden.

    A readable directory above a hidden path is replaced by its other entries, level by level: what is made later beside
    the hidden path (a database's journal) is as invisible as the path itself. Of these entries, and of what is around
    the package, only what is ``legible`` for the executions is shown: nobody asked for it by name.
    """
    wanted = [Path(p) for p in (*_SYSTEM, *(_SYSTEM_NETWORK if network else ()))]
    wanted += [*_python(), *code.own, *(Path(p) for p in readable)]
    hidden_paths = tuple(dict.fromkeys(path for h in hidden for path in (Path(h), Path(h).resolve())))
    links: dict[Path, str] = {}
    real = [_real(path, links) for path in wanted if path.exists()]
    around = [path for path in (_real(path, links) for path in code.around) if legible(path)]
    shown = _outermost(
        part
        for path in (*real, *around)
        for part in _without(path, hidden_paths, links)
        if part == path or legible(part)
    )
    outside = {link: target for link, target in links.items() if not any(_below(link, path) for path in shown)}
    return View(
        readable=tuple(os.fspath(path) for path in shown),
        links=tuple((os.fspath(link), target) for link, target in sorted(outside.items())),
    )


def _real(path: Path, links: dict[Path, str]) -> Path:
    """Where ``path`` leads; the links on the way are added to ``links``."""
    for step in (*reversed(path.parents), path):
        if step.is_symlink():
            target = os.fspath(step.readlink())
            links[step] = target
            onward = Path(os.path.normpath(step.parent / target))
            return _real(onward / path.relative_to(step), links)
    return path


def location(package: str) -> Code:
    """Where the code of a package specification lies: directories, or a lone file; empty: not found.

    Imports nothing of it.
    """
    if package.startswith("/"):
        path = Path(package)
        return _code(path) if path.exists() else Code()
    try:
        spec = find_spec(package.partition(".")[0])
    except (ImportError, ValueError):
        return Code()
    if spec is None:
        return Code()
    if spec.submodule_search_locations is not None:
        return Code(own=tuple(Path(p).absolute() for p in spec.submodule_search_locations))
    return _code(Path(spec.origin).absolute()) if spec.has_location and spec.origin else Code()


def _code(path: Path) -> Code:
    """A lone file's neighbours are readable with it, unless that were the whole machine."""
    alone = path.is_dir() or path.parent == Path("/")
    return Code(own=(path,), around=() if alone else (path.parent,))


def _python() -> list[Path]:
    """The interpreter's prefixes and path; of the place Cloche was installed from only Cloche itself."""
    prefixes = {sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix}
    own = Path(__file__).resolve().parents[2]
    entries = [Path(p).absolute() for p in sys.path if p]
    return [*map(Path, sorted(prefixes)), own, *(p for p in entries if p not in (own.parent, Path("/")))]


def _without(path: Path, hidden: Sequence[Path], links: dict[Path, str]) -> list[Path]:
    """``path``, or as much of it as is not hidden."""
    if _is_within(path, hidden):
        return []
    if not _is_above(path, hidden):
        return [path]
    try:
        entries = sorted(path.iterdir())
    except OSError:
        return []
    parts = (_led(e, hidden, links) if e.is_symlink() else _without(e, hidden, links) for e in entries)
    return [shown for part in parts for shown in part]


def _led(link: Path, hidden: Sequence[Path], links: dict[Path, str]) -> list[Path]:
    """Where a link leads that lies beside something hidden; nowhere if that were a way round to it."""
    try:
        target = link.resolve(strict=True)
    except (OSError, RuntimeError):  # to nothing, as editors mark files, or in a circle
        return []
    if _is_within(target, hidden) or _is_above(target, hidden):
        return []
    return [_real(link, links)]


def _is_within(path: Path, hidden: Sequence[Path]) -> bool:
    return any(path == h or _below(path, h) for h in hidden)


def _is_above(path: Path, hidden: Sequence[Path]) -> bool:
    return any(_below(h, path) for h in hidden)


def _below(path: PurePath, ancestor: PurePath) -> bool:
    return ancestor in path.parents


def _outermost(paths: Iterable[Path]) -> list[Path]:
    kept: list[Path] = []
    for path in sorted(set(paths), key=lambda p: (len(p.parts), p)):
        if not any(_below(path, k) for k in kept):
            kept.append(path)
    return kept
