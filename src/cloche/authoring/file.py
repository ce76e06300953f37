"""Files of any format, handed on as they are."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

from cloche.authoring.errors import ProcessError
from cloche.authoring.mediatypes import suffix_of
from cloche.model.formats import Format


@dataclass(frozen=True, slots=True)
class File:
    """A file with its format.

    Process code that returns one may leave ``format`` out: then the file is in the format that the client asked for
    (``job.wanted`` tells which). One that says its format keeps it, as far as the output supports it.
    """

    path: Path
    format: Format | None = None

    @classmethod
    def formats(cls) -> tuple[Format, ...]:
        """None of its own: the annotation says which."""
        return ()

    @classmethod
    def receive(cls, path: Path, format: Format, workdir: Path) -> Self:  # noqa: ARG003 - the contract of all types
        """The file as it came."""
        return cls(path, format)

    @classmethod
    def deliver(cls, value: Any, format: Format, directory: Path, name: str) -> Path:
        """``value`` is a File, the path of one, or text or bytes. Raises ProcessError."""
        target = directory / f"{name}{suffix_of(format.media_type)}"
        source = value.path if isinstance(value, File) else value
        match source:
            case str():
                target.write_text(source, encoding="utf-8")
            case bytes() | bytearray() | memoryview():
                target.write_bytes(source)
            case os.PathLike():
                _take(Path(source), target)
            case _:
                raise ProcessError(f"A process returned {type(value).__name__} where a file was expected")
        return target

    @property
    def media_type(self) -> str:
        """The media type, or an empty text."""
        return self.format.media_type if self.format else ""

    @property
    def size(self) -> int:
        """Bytes."""
        return self.path.stat().st_size

    def open(self) -> IO[bytes]:
        """The file, open for reading bytes."""
        return self.path.open("rb")

    def bytes(self) -> bytes:
        """All of it."""
        return self.path.read_bytes()

    def text(self, encoding: str = "utf-8") -> str:
        """All of it as text. Raises UnicodeDecodeError."""
        return self.path.read_text(encoding=encoding)


def _take(source: Path, target: Path) -> None:
    """Move what lies in the execution's own directory, so that large files cost nothing; copy all else.

    A symbolic link stays behind: code may return one file as two outputs.
    """
    if not source.is_file():
        raise ProcessError("A process returned the path of a file that is not there")
    own = target.parent.parent in source.absolute().parents and not source.is_symlink()
    if own and source.stat().st_nlink == 1:
        source.rename(target)
        source.symlink_to(target)
    else:
        import shutil

        shutil.copyfile(source, target)
