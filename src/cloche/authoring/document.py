"""JSON as Python values."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from cloche.authoring.errors import WrongData
from cloche.authoring.mediatypes import suffix_of
from cloche.model.formats import Format


class JsonDocument:
    """The complex type behind ``Json``: dict, list, str, int, float, bool or None."""

    @classmethod
    def formats(cls) -> tuple[Format, ...]:
        """None of its own: any media type of JSON, or of plain text for a mere string."""
        return ()

    @classmethod
    def receive(cls, path: Path, format: Format, workdir: Path) -> Any:  # noqa: ARG003 - the contract of all types
        """The document as Python values. Raises WrongData."""
        return read(path, format)

    @classmethod
    def deliver(cls, value: Any, format: Format, directory: Path, name: str) -> Path:
        """Write what json.dumps understands, without NaN. Raises TypeError, ValueError."""
        target = directory / f"{name}{suffix_of(format.media_type)}"
        plain = value if isinstance(value, str) and not is_json(format) else None
        text = plain if plain is not None else json.dumps(value, ensure_ascii=False, allow_nan=False, default=_plain)
        target.write_text(text, encoding="utf-8")
        return target


Json = Annotated[Any, JsonDocument]
"""Annotates a parameter whose value is JSON; the code gets and returns dict, list, str, int, float, bool or None."""


def is_json(format: Format) -> bool:
    """Whether the media type is one of JSON's."""
    essence = format.media_type.partition(";")[0].strip().lower()
    return essence.endswith(("/json", "+json"))


def read(path: Path, format: Format) -> Any:
    """A JSON document, or the text of a file of another format. Raises WrongData."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        return json.loads(text, parse_constant=_refuse) if is_json(format) else text
    except UnicodeDecodeError:
        raise WrongData("it is not UTF-8") from None
    except RecursionError:
        raise WrongData("it is nested too deep") from None
    except ValueError as error:
        raise WrongData(f"it is not JSON: {error}") from None


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not allowed")


def _plain(value: Any) -> Any:
    """Mappings, scalars and arrays of other libraries."""
    if isinstance(value, Mapping):
        return dict(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is not JSON")
