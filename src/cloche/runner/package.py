"""Process packages: import one and find its processes. Only zygotes and containers do this, never the server."""

import importlib
import importlib.util
import pkgutil
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from cloche.authoring.process import Process

_LIBRARIES = frozenset({"site-packages", "dist-packages"})
_TESTS = re.compile(r"tests?|test_.*|.*_test|conftest")


class PackageError(ImportError):
    """The package is not what its specification says, or holds no sound set of processes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """An imported package: its processes by identifier, and the source files that they were read from."""

    spec: str
    processes: Mapping[str, Process[..., object]]
    files: tuple[Path, ...]


def load(spec: str) -> Package:
    """Import a package.

    ``spec`` is a dotted module name, or the absolute path of a ``.py`` file (its neighbours are importable), of a
    package directory, or of a directory of loose ``.py`` files. What a module holds is published, imported processes
    too; a package whose ``__init__`` holds none is searched whole, but for tests and names that begin with an
    underscore.

    Raises PackageError, DeclarationError, and whatever the package's own code raises.
    """
    before = set(sys.modules)
    modules = _import_path(Path(spec)) if spec.startswith("/") else [importlib.import_module(spec)]
    found = [*_searched(modules)]
    processes = _collect(spec, found)
    return Package(spec=spec, processes=processes, files=tuple(sorted(_files(found, before))))


def _import_path(path: Path) -> list[ModuleType]:
    if path.is_file() and path.suffix == ".py":
        return [_import_file(path)]
    if (path / "__init__.py").is_file():
        return [_import_directory(path)]
    if path.is_dir():
        files = sorted(file for file in path.glob("*.py") if _is_published(file.stem))
        if not files:
            raise PackageError(f"{path} holds no .py files")
        return [_import_file(file) for file in files]
    raise PackageError(f"{path} is neither a .py file nor a directory" if path.exists() else f"there is no {path}")


def _import_file(path: Path) -> ModuleType:
    """A file as a module of its own name, its directory on Python's path as for a script."""
    name = re.sub(r"\W", "_", path.stem)
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    return _execute(name, path, None)


def _import_directory(path: Path) -> ModuleType:
    """A package of the directory's name; nothing else beside it becomes importable."""
    return _execute(re.sub(r"\W", "_", path.name), path / "__init__.py", [str(path)])


def _execute(name: str, file: Path, search: list[str] | None) -> ModuleType:
    if name in sys.stdlib_module_names:
        raise PackageError(f"{file}: {name} is a module of Python's own, which it would hide: rename it")
    known = sys.modules.get(name)
    if known is not None and _origin(known) == file.resolve():
        return known
    if known is not None:
        raise PackageError(f"{file}: another module named {name} is imported from {_origin(known)}: rename one")
    found = importlib.util.spec_from_file_location(name, file, submodule_search_locations=search)
    assert found is not None and found.loader is not None  # noqa: PT018 - a .py file always has both
    module = importlib.util.module_from_spec(found)
    sys.modules[name] = module
    try:
        found.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return module


def _origin(module: ModuleType) -> Path | None:
    file = getattr(module, "__file__", None)
    return Path(file).resolve() if file else None


def _searched(modules: Iterable[ModuleType]) -> Iterator[ModuleType]:
    """The modules that are published, submodules included where a package publishes none itself."""
    for module in modules:
        yield module
        if hasattr(module, "__path__") and not any(isinstance(item, Process) for item in vars(module).values()):
            for info in pkgutil.iter_modules(module.__path__, f"{module.__name__}."):
                if _is_published(info.name.rpartition(".")[2]):
                    yield from _searched([importlib.import_module(info.name)])


def _is_published(name: str) -> bool:
    return not name.startswith("_") and not _TESTS.fullmatch(name)


def _collect(spec: str, modules: Iterable[ModuleType]) -> dict[str, Process[..., object]]:
    """Processes by identifier, the same object once. Raises PackageError."""
    found: dict[str, Process[..., object]] = {}
    for module in modules:
        for item in vars(module).values():
            if not isinstance(item, Process):
                continue
            name = item.description.id
            if found.setdefault(name, item) is not item:
                raise PackageError(
                    f"{spec} has two processes with the id {name}: {_where(found[name])} and {_where(item)}"
                )
    if not found:
        raise PackageError(f"{spec} holds no processes: decorate a function with @process")
    return dict(sorted(found.items()))


def _where(process: Process[..., object]) -> str:
    return f"{process.function.__module__}.{process.function.__qualname__}"


def _files(modules: Iterable[ModuleType], before: set[str]) -> set[Path]:
    """Source of the package: directories whole, and what was imported from beside a lone file."""
    files: set[Path] = set()
    homes: set[Path] = set()
    for module in modules:
        for folder in getattr(module, "__path__", ()):
            files.update(Path(folder).resolve().rglob("*.py"))
        if (file := _origin(module)) is not None:
            files.add(file)
            homes.add(file.parent)
    imported = (_origin(sys.modules[name]) for name in set(sys.modules) - before)
    return files | {file for file in imported if file is not None and _is_beside(file, homes)}


def _is_beside(file: Path, homes: set[Path]) -> bool:
    """Whether a file is the author's own: not of a library, even if that lies in an environment beside the code."""
    return file.suffix == ".py" and bool(homes & set(file.parents)) and not _LIBRARIES & set(file.parts)
