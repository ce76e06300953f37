"""What inputs and outputs have in common: how they are described, and what is said of their descriptions."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from cloche.authoring import docstrings
from cloche.authoring.annotations import Field, Translations
from cloche.authoring.errors import DeclarationError
from cloche.model.domains import Domain
from cloche.model.process import Group, Metadata, Parameter, Translation

_ID = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.:-]{0,198}[A-Za-z0-9_])?")


def describe(
    name: str,
    note: Field,
    said: str,
    content: Domain | tuple[Parameter | Group, ...],
    *,
    min_occurs: int,
    max_occurs: int | None,
) -> Parameter | Group:
    """An input or output that takes data of a domain, or is made of others. Raises DeclarationError."""
    title, abstract = docstrings.split(said)
    make: Callable[..., Parameter | Group] = Group if isinstance(content, tuple) else Parameter
    return make(
        id=checked_id(note.id or name),
        title=note.title or title or note.id or name.replace("_", " "),
        abstract=note.abstract or abstract,
        keywords=words(note.keywords),
        metadata=links(note.metadata),
        translations=translated(note.translations),
        min_occurs=min_occurs,
        max_occurs=max_occurs,
        **{"parameters" if isinstance(content, tuple) else "domain": content},
    )


def checked_id(id: str) -> str:
    """An identifier that is fit for a URL, for KVP and for a file name. Raises DeclarationError."""
    if not _ID.fullmatch(id):
        raise DeclarationError(f"id={id!r} has characters other than letters, digits, _ . : -")
    return id


def check_unique(what: str, ids: Sequence[str]) -> None:
    """Raises DeclarationError. Clients and KVP tell identifiers apart by case, people and file systems may not."""
    repeated = [name for name, count in Counter(map(str.lower, ids)).items() if count > 1]
    if repeated:
        raise DeclarationError(f"two {what} have the id {repeated[0]}")


def within(kind: type, around: tuple[type, ...]) -> tuple[type, ...]:
    """The classes around a member of ``kind``. Raises DeclarationError for one that has itself inside."""
    if kind in around:
        raise DeclarationError(f"{kind.__name__} is inside of itself; use Json")
    return (*around, kind)


@contextmanager
def about(subject: str) -> Iterator[None]:
    """What is wrong in the block is wrong with ``subject``."""
    try:
        yield
    except DeclarationError as error:
        raise error.about(subject) from None


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
