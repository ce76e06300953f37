"""Where the code of a process package lies, and which files of it belong into an image. Nothing is imported."""

import ast
import importlib.util
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cloche.executors.docker.images.errors import ImageError

PLACE = "/opt/cloche/packages"
_LEFT_OUT = frozenset({"__pycache__", "node_modules"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """``name`` is what it is called. ``files`` lie below ``folder`` and keep their places in the image.

    ``spec`` is how it is named in ``[processing] packages`` of a server that runs it in the image. ``code`` is where
    its own settings are looked for: the file, or the directory.
    """

    name: str
    folder: Path
    files: tuple[Path, ...]
    spec: str
    code: Path


def locate(package: str, directory: Path) -> Source:
    """The package that a path (relative to ``directory``) or a dotted module name means. Raises ImageError."""
    try:
        found = _located(package, directory)
    except (OSError, ValueError, RuntimeError) as error:  # a null byte, a name too long, links in a circle
        raise ImageError(f"cannot find {package[:200]!r}: {error}") from None
    if not found.name.isprintable():
        raise ImageError(f"the name {found.name!r} does not fit into a line of a Dockerfile: take another")
    return found


def _located(package: str, directory: Path) -> Source:
    if "/" not in package and not package.endswith(".py") and not package.startswith("."):
        return _dotted(package)
    path = (directory / package).resolve()
    if path.is_file() and path.suffix == ".py":
        return Source(name=path.stem, folder=path.parent, files=_loose([path]), spec=path.stem, code=path)
    if (path / "__init__.py").is_file():
        return Source(name=path.name, folder=path.parent, files=tuple(_tree(path)), spec=path.name, code=path)
    if path.is_dir() and (files := sorted(path.glob("*.py"))):
        return Source(name=path.name, folder=path.parent, files=_loose(files), spec=f"{PLACE}/{path.name}", code=path)
    what = "is neither a .py file nor a directory of them" if path.exists() else "does not exist"
    raise ImageError(f"{path} {what}: name a process package as in [processing] packages")


def matching(folder: Path, patterns: tuple[str, ...]) -> tuple[Path, ...]:
    """Files of the patterns, below ``folder`` only. Raises ImageError for one that finds nothing."""
    found: set[Path] = set()
    for pattern in patterns:
        if pattern.startswith("/") or ".." in Path(pattern).parts:
            raise ImageError(f"[tool.cloche.image] files: {pattern!r} has to stay below {folder}")
        files = _globbed(folder, pattern)
        if not files:
            raise ImageError(f"[tool.cloche.image] files: {pattern!r} finds nothing below {folder}")
        for file in files:
            if not file.resolve().is_relative_to(folder.resolve()):
                raise ImageError(f"[tool.cloche.image] files: {file} leads out of {folder}")
        found |= files
    return tuple(sorted(found))


def _globbed(folder: Path, pattern: str) -> set[Path]:
    try:
        paths = list(folder.glob(pattern))
    except (ValueError, IndexError, NotImplementedError, OSError) as error:
        raise ImageError(f"[tool.cloche.image] files: {pattern!r} is no pattern of files: {error}") from None
    return {file for path in paths for file in (_tree(path) if path.is_dir() else [path]) if file.is_file()}


def _dotted(name: str) -> Source:
    top = name.split(".", 1)[0]
    found = importlib.util.find_spec(top)  # of a top level only: parents of a submodule would be imported
    if found is None or found.origin is None or not found.has_location:
        raise ImageError(f"there is no module {top} in this environment: install it, or name the package by its path")
    origin = Path(found.origin).resolve()
    code = origin.parent if found.submodule_search_locations else origin
    files = tuple(_tree(code)) if code.is_dir() else _loose([code])
    return Source(name=name, folder=code.parent, files=files, spec=name, code=code)


def _tree(folder: Path) -> Iterator[Path]:
    """Every file of a package: no caches, no hidden ones, no environments that lie in it."""
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if _belongs(Path(place, name)))
        yield from (
            path
            for name in sorted(files)
            if _belongs(path := Path(place, name)) and path.suffix != ".pyc" and path.is_file()
        )


def _belongs(path: Path) -> bool:
    return not path.name.startswith(".") and path.name not in _LEFT_OUT and not (path / "pyvenv.cfg").exists()


def _loose(files: list[Path]) -> tuple[Path, ...]:
    """Files with everything that they import from beside them."""
    found: dict[Path, None] = {}
    waiting = list(files)
    while waiting:
        file = waiting.pop(0)
        if file in found:
            continue
        found[file] = None
        if file.suffix == ".py" and file.parent == files[0].parent:
            for name in sorted(_imports(file)):
                waiting += _beside(file.parent, name)
    return tuple(sorted(found))


def _beside(folder: Path, name: str) -> list[Path]:
    if (folder / name / "__init__.py").is_file():
        return [*_tree(folder / name)]
    return [folder / f"{name}.py"] if (folder / f"{name}.py").is_file() else []


def _imports(file: Path) -> set[str]:
    """Top-level names of modules that a file imports anywhere."""
    try:
        tree = ast.parse(file.read_bytes(), os.fspath(file))
    except SyntaxError as error:
        raise ImageError(f"{file}, line {error.lineno}: {error.msg}") from None
    except (OSError, ValueError, RecursionError, MemoryError) as error:
        raise ImageError(f"cannot read {file}: {error or 'it is nested too deep'}") from None
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".", 1)[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".", 1)[0])
    return names
