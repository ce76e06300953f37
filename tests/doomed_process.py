"""A process package for kill tests."""

import time
from typing import Annotated, TypedDict

from cloche.process import File, Format, Output, process


class Both(TypedDict):
    """The text, as a literal and as a file."""

    text: Annotated[str, Output("Literal")]
    file: Annotated[File, Output("File", formats=[Format(media_type="text/plain")])]


@process
def echo(text: str, seconds: float) -> Both:
    """Say it again, after a while."""
    print("said", text)
    time.sleep(seconds)
    return {"text": text, "file": text}  # type: ignore[typeddict-item] # text will do for a file
