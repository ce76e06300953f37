"""The same two processes for Cloche."""

from typing import Annotated

from cloche.process import File, Input, Output, process


@process(id="add", version="1.0.0")
def add(
    a: Annotated[float, Input("First")], b: Annotated[float, Input("Second")]
) -> Annotated[float, Output("Sum", id="total")]:
    """Add."""
    return a + b


@process(id="measure", version="1.0.0")
def measure(
    document: Annotated[File, Input("Document", formats=["application/gml+xml"])],
) -> Annotated[int, Output("Bytes", id="size")]:
    """Measure."""
    return document.path.stat().st_size
