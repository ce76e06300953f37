"""A request's own elements as a small tree. Complex data is not in it: it went to a file."""

from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """Data that was read into the file ``name`` of the deposit; ``is_xml``: an element, else text."""

    name: str
    size: int
    is_xml: bool = False


@dataclass(slots=True, eq=False)
class Node:
    """An element. Attributes go by local name, whatever namespace a client put them in; so do children."""

    namespace: str
    name: str
    attributes: dict[str, str]
    children: list["Node"] = field(default_factory=list)
    payload: Payload | None = None
    pieces: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The character data, without the white space around it."""
        return "".join(self.pieces).strip()

    def get(self, name: str) -> str:
        """An attribute, stripped; an empty text where there is none."""
        return self.attributes.get(name, "").strip()

    def all(self, name: str) -> Iterator["Node"]:
        """The children of that name."""
        return (child for child in self.children if child.name == name)

    def first(self, name: str) -> "Node | None":
        """The first child of that name."""
        return next(self.all(name), None)

    def child_text(self, name: str) -> str:
        """The text of the first child of that name, or an empty text."""
        child = self.first(name)
        return child.text if child is not None else ""
