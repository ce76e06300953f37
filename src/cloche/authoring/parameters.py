"""Parameters of a decorated function: from annotations to descriptions and conversions."""

import dataclasses
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from typing import Any, get_type_hints, is_typeddict

from cloche.authoring import docstrings
from cloche.authoring.annotations import Field, Input, Output, Translations
from cloche.authoring.domains import Kind, kind_of
from cloche.authoring.errors import DeclarationError
from cloche.authoring.hints import Hint, read
from cloche.authoring.literals import LiteralKind, inside
from cloche.model.process import Metadata, Parameter, Translation

ABSENT = inspect.Parameter.empty
RESULT = "result"
"""The identifier of a single output that is not given one."""

_ID = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.:-]{0,198}[A-Za-z0-9_])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """An input and the parameter of the function that it goes to."""

    name: str
    parameter: Parameter
    kind: Kind
    container: type | None
    default: Any

    def gather(self, values: Sequence[Any]) -> Any:
        """What the function gets for the occurrences of the input."""
        if not values:
            if self.default is not ABSENT:
                return self.default
            return self.container() if self.container and not self.parameter.min_occurs else None
        return self.container(values) if self.container else values[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """An output and where it is found in what the function returns: all of it, an attribute, or an item."""

    name: str
    parameter: Parameter
    kind: Kind
    find: Callable[[Any], Any]

    @property
    def optional(self) -> bool:
        """Whether None means that there is no such output."""
        return self.parameter.min_occurs == 0


def checked_id(id: str) -> str:
    """An identifier that is fit for a URL, for KVP and for a file name. Raises DeclarationError."""
    if not _ID.fullmatch(id):
        raise DeclarationError(f"id={id!r} has characters other than letters, digits, _ . : -")
    return id


def argument_of(parameter: inspect.Parameter, hint: Any, said: str) -> Argument:
    """The input of one parameter; ``said`` is what the docstring says of it. Raises DeclarationError."""
    if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
        raise DeclarationError("inputs are passed by name: *args, **kwargs and positional-only parameters cannot be")
    if hint is None:
        raise DeclarationError("its type annotation is missing")
    taken = read(hint)
    note = taken.note or Input()
    if not isinstance(note, Input):
        raise DeclarationError("an input is annotated with Input(...), not Output(...)")
    kind = kind_of(taken.base, note)
    least, most = _occurrences(taken, note, parameter.default)
    if isinstance(kind, LiteralKind):
        kind = _with_default(kind, taken, parameter.default)
    elif parameter.default is not ABSENT and parameter.default is not None and not taken.container:
        raise DeclarationError("only literal inputs have defaults other than None")
    described = _describe(parameter.name, note, kind, said, min_occurs=least, max_occurs=most)
    return Argument(
        name=parameter.name, parameter=described, kind=kind, container=taken.container, default=parameter.default
    )


def results_of(hint: Any, docs: docstrings.Docstring) -> tuple[Result, ...]:
    """The outputs of a return annotation: one, or the fields of a dataclass, TypedDict or NamedTuple.

    Raises DeclarationError.
    """
    fields = _fields(hint)
    if fields is None:
        return (_result(RESULT, hint, docs.returns, find=lambda value: value),)
    found = []
    for name, (field_hint, find) in fields.items():
        try:
            found.append(_result(name, field_hint, docs.parameters.get(name, ""), find=find))
        except DeclarationError as error:
            raise error.about(f"output {name}") from None
    if not found:
        raise DeclarationError(f"{hint.__name__} has no fields: a process has at least one output")
    return tuple(found)


def _fields(hint: Any) -> Mapping[str, tuple[Any, Callable[[Any], Any]]] | None:
    if not isinstance(hint, type) or all(hasattr(hint, name) for name in ("formats", "receive", "deliver")):
        return None
    if is_typeddict(hint):
        return {
            name: (field, partial(_item, name)) for name, field in get_type_hints(hint, include_extras=True).items()
        }
    names = None
    if dataclasses.is_dataclass(hint):
        names = [field.name for field in dataclasses.fields(hint)]
    elif issubclass(hint, tuple) and hasattr(hint, "_fields"):
        names = list(hint._fields)
    if names is None or _is_single(hint):
        return None
    hints = get_type_hints(hint, include_extras=True)
    return {name: (hints[name], attrgetter(name)) for name in names}


def _item(name: str, value: Mapping[str, Any]) -> Any:
    return value.get(name)


def _is_single(hint: type) -> bool:
    """Whether a class is the type of one output though it is a dataclass: BoundingBox."""
    return hint.__module__.startswith("cloche.authoring")


def _result(name: str, hint: Any, said: str, *, find: Callable[[Any], Any]) -> Result:
    taken = read(hint)
    note = taken.note or Output()
    if not isinstance(note, Output):
        raise DeclarationError("an output is annotated with Output(...), not Input(...)")
    if taken.container is not None:
        raise DeclarationError("an output occurs once; use Json for a list, or several outputs")
    kind = kind_of(taken.base, note)
    parameter = _describe(name, note, kind, said, min_occurs=0 if taken.optional else 1, max_occurs=1)
    return Result(name=name, parameter=parameter, kind=kind, find=find)


def _occurrences(taken: Hint, note: Input, default: Any) -> tuple[int, int | None]:
    if default is None and not taken.optional and not taken.container:
        raise DeclarationError("with default None the type is written X | None")
    if taken.container is None and (note.min_occurs is not None or note.max_occurs is not None):
        raise DeclarationError("min_occurs and max_occurs need list[...]")
    optional = taken.optional or default is not ABSENT
    least = note.min_occurs if note.min_occurs is not None else (0 if optional else 1)
    most = note.max_occurs if taken.container else 1
    if least < 0 or (most is not None and most < max(least, 1)):
        raise DeclarationError(f"min_occurs={least} and max_occurs={most} do not go together")
    return least, most


def _with_default(kind: LiteralKind, taken: Hint, default: Any) -> LiteralKind:
    """The kind with a default that clients are told of; one of several values cannot be described."""
    if taken.container is not None:
        items = () if default is ABSENT or default is None else tuple(default)
        for item in items:
            _default_text(kind, item)
        return kind
    if default is ABSENT or default is None:
        return kind
    domain = dataclasses.replace(kind.domain, default=_default_text(kind, default))
    return dataclasses.replace(kind, domain=domain)


def _default_text(kind: LiteralKind, default: Any) -> str:
    try:
        text, _ = kind.deliver(default, "")
    except (TypeError, ValueError) as error:
        raise DeclarationError(f"the default is wrong: {error}") from None
    if not inside(text, kind.domain):
        raise DeclarationError(f"the default {default!r} is outside the allowed values")
    return text


def _describe(name: str, note: Field, kind: Kind, said: str, *, min_occurs: int, max_occurs: int | None) -> Parameter:
    title, abstract = docstrings.split(said)
    return Parameter(
        id=checked_id(note.id or name),
        title=note.title or title or note.id or name.replace("_", " "),
        abstract=note.abstract or abstract,
        domain=kind.domain,
        keywords=words(note.keywords),
        metadata=links(note.metadata),
        translations=translated(note.translations),
        min_occurs=min_occurs,
        max_occurs=max_occurs,
    )


def words(keywords: Sequence[str]) -> tuple[str, ...]:
    """Keywords. Raises DeclarationError."""
    if isinstance(keywords, str) or not all(isinstance(word, str) for word in keywords):
        raise DeclarationError("keywords is a list of texts")
    return tuple(keywords)


def links(metadata: Sequence[Metadata]) -> tuple[Metadata, ...]:
    """Links. Raises DeclarationError."""
    if isinstance(metadata, Metadata) or not all(isinstance(item, Metadata) for item in metadata):
        raise DeclarationError("metadata is a list of Metadata(title=..., href=...)")
    return tuple(metadata)


def translated(translations: Translations | None) -> tuple[Translation, ...]:
    """Translations in every way they may be written. Raises DeclarationError."""
    return tuple(_translation(language, words) for language, words in (translations or {}).items())


def _translation(language: str, words: object) -> Translation:
    match words:
        case Translation():
            return words
        case str():
            return Translation(language=language, title=words)
        case (str(title), str(abstract)):
            return Translation(language=language, title=title, abstract=abstract)
        case {"title": str(title), **rest} if rest.keys() <= {"abstract"}:
            return Translation(language=language, title=title, abstract=str(rest.get("abstract", "")))
    raise DeclarationError(f'translations: {language}: write it as a title, or as ("title", "abstract")')
