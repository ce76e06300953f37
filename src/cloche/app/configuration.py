"""Settings from ``cloche.toml``, then the environment, then flags of the command line; every mistake in one report."""

import difflib
import os
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin
from urllib.parse import urlsplit

import msgspec
from msgspec.structs import fields, replace

from cloche.app.settings import Address, Duration, Settings, Size
from cloche.model.quantities import bytes_of, seconds_of

FILE = "cloche.toml"
PREFIX = "CLOCHE_"

Table = dict[str, Any]
Place = tuple[str, ...]


class WrongSettings(ValueError):
    """What is wrong, one line a mistake, each with its place and how to mend it."""


def read(
    file: Path | None,
    environment: Mapping[str, str],
    flags: Mapping[str, Any] | None = None,
    *,
    directory: Path,
) -> Settings:
    """The settings of a server started in ``directory``.

    ``file`` None takes ``directory/cloche.toml`` where there is one. ``flags`` are dotted names ("server.port"); a flag
    of None was not given. Relative paths are made absolute beside the file, or in ``directory`` where there is none.
    Raises WrongSettings.
    """
    found = file or (directory / FILE if (directory / FILE).exists() else None)
    table = _parse(found) if found else {}
    base = found.resolve().parent if found else directory
    reader = _Reader(str(found or FILE))
    reader.overlay(table, _from_environment(environment), lax=True)
    given = {tuple(name.split(".")): (value, f"--{name}") for name, value in (flags or {}).items() if value is not None}
    reader.overlay(table, given, lax=False)
    settings = reader.struct(Settings, table, ())
    if reader.mistakes:
        raise WrongSettings("\n".join(reader.mistakes))
    return _absolute(settings, base, found)


def is_path(package: str) -> bool:
    """Whether a package is named by a path rather than as a module."""
    return os.sep in package or package.endswith(".py")


def _parse(file: Path) -> Table:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise WrongSettings(f"{file}: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise WrongSettings(f"{file} is not TOML: {error}") from None


def _from_environment(environment: Mapping[str, str]) -> dict[Place, tuple[Any, str]]:
    """``CLOCHE_SERVER__PORT`` is ``[server] port``; names without ``__`` are not settings."""
    return {
        tuple(name.removeprefix(PREFIX).lower().split("__")): (value, name)
        for name, value in environment.items()
        if name.startswith(PREFIX) and "__" in name
    }


class _Reader:
    """Turns tables into structs; collects mistakes instead of stopping at the first."""

    def __init__(self, file: str) -> None:
        self.mistakes: list[str] = []
        self._file = file
        self._sources: dict[Place, str] = {}
        self._lax: set[Place] = set()

    def overlay(self, table: Table, values: Mapping[Place, tuple[Any, str]], *, lax: bool) -> None:
        """Put ``values``, each with the name of its source, over ``table``; ``lax`` ones are texts of any type."""
        for place, (value, source) in values.items():
            inner = table
            for step in place[:-1]:
                inner = inner.setdefault(step, {})
                if not isinstance(inner, dict):
                    break  # reported where the table is read
            else:
                inner[place[-1]] = value
                self._sources[place] = source
                if lax:
                    self._lax.add(place)

    def struct(self, kind: type[Any], table: Any, path: Place) -> Any:
        if not isinstance(table, dict):
            self._mistake(path, f"a table is expected, not {table!r}")
            return kind()
        known = {f.name: f.type for f in fields(kind)}
        for name in table.keys() - known.keys():
            self._mistake((*path, name), f"there is no such setting{hint(name, known)}")
        return kind(**dict(self._values(known, table, path)))

    def _values(self, known: Mapping[str, Any], table: Table, path: Place) -> Iterator[tuple[str, Any]]:
        for name in known.keys() & table.keys():
            kind, value, place = _bare(known[name]), table[name], (*path, name)
            if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
                yield name, self.struct(kind, value, place)
            elif get_origin(kind) is dict:
                inner = get_args(kind)[1]
                rows = value if isinstance(value, dict) else {}
                yield name, {key: self.struct(inner, row, (*place, key)) for key, row in rows.items()}
            else:
                try:
                    yield name, self._value(known[name], value, place)
                except msgspec.ValidationError as error:
                    self._mistake(place, f"{str(error).split(' - at ')[0]}{_choices(known[name])}")

    def _value(self, kind: Any, value: Any, place: Place) -> Any:
        if get_origin(_bare(kind)) is tuple and isinstance(value, str):
            value = [item for item in (part.strip() for part in value.split(",")) if item]
        return msgspec.convert(value, kind, strict=place not in self._lax, dec_hook=_own_kind)

    def _mistake(self, place: Place, text: str) -> None:
        where = self._sources.get(place)
        section, name = ".".join(place[:-1]), place[-1]
        named = f"[{section}] {name}" if section else f"[{name}]"
        self.mistakes.append(f"{where or self._file}: {named}: {text}")


def _bare(kind: Any) -> Any:
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


def _choices(kind: Any) -> str:
    bare = _bare(kind)
    return f"; one of: {', '.join(filter(None, get_args(bare)))}" if get_origin(bare) is Literal else ""


def hint(name: str, known: Mapping[str, Any]) -> str:
    """What may have been meant, as the end of a sentence."""
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else f" (there are: {', '.join(sorted(known))})"


def _address(text: str) -> str:
    parts = urlsplit(text)
    if text and (parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment):
        raise ValueError(f"{text!r} is not an address such as https://example.org")
    if parts.path.rstrip("/").endswith("/wps"):
        raise ValueError(f"leave out /wps: {text.rstrip('/').removesuffix('/wps')!r}")
    return text.rstrip("/")


_PARSERS: dict[type, Callable[[Any], Any]] = {
    Size: bytes_of,
    Duration: seconds_of,
    Address: _address,
    Path: lambda text: Path(text).expanduser(),
}


def _own_kind(kind: type, value: Any) -> Any:
    accepted = (str, int, float) if kind in (Size, Duration) else (str,)
    if kind not in _PARSERS or not isinstance(value, accepted):
        raise ValueError(f"{value!r} is not understood")
    return kind(_PARSERS[kind](value))


def _absolute(settings: Settings, base: Path, file: Path | None) -> Settings:
    server, processing = settings.server, settings.processing
    return replace(
        settings,
        server=replace(
            server,
            datadir=base / server.datadir,
            allowedinputpaths=tuple(base / path for path in server.allowedinputpaths),
        ),
        processing=replace(
            processing,
            hiddenpaths=(*(base / path for path in processing.hiddenpaths), *((file.resolve(),) if file else ())),
            readablepaths=tuple(base / path for path in processing.readablepaths),
            packages=tuple(_named(name, base) for name in processing.packages),
        ),
        packages={_named(name, base): package for name, package in settings.packages.items()},
    )


def _named(package: str, base: Path) -> str:
    """Absolute, without links on the way; what leads nowhere, a circle of links, is told when it is imported."""
    if not is_path(package):
        return package
    return os.path.realpath(base / package) if "\0" not in package else str(base / package)
