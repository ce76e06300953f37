"""What process authors import.

    from typing import Annotated
    from cloche.process import Input, Job, Limits, Output, Vector, process

    @process(version="1.2.0", limits=Limits(memory="1GiB", time="10min"))
    def buffer(features: Annotated[Vector, Input("Features to grow")],
               distance: Annotated[float, Input("Distance", minimum=0, unit="metre")] = 10.0,
               *, job: Job) -> Annotated[Vector, Output("Grown features")]:
        \"\"\"Grow features by a distance.\"\"\"

Importing this loads no geographic library: Vector and Raster bring theirs in when data come.
"""

from typing import TYPE_CHECKING, Any

from cloche.authoring.annotations import Input, Output, Range
from cloche.authoring.boxes import BoundingBox
from cloche.authoring.declaration import process
from cloche.authoring.document import Json
from cloche.authoring.errors import Cancelled, DeclarationError, ProcessError, WrongData
from cloche.authoring.file import File
from cloche.authoring.job import Job
from cloche.authoring.limits import Limits
from cloche.authoring.literals import AnyURI, Measure
from cloche.authoring.process import Process
from cloche.model.formats import Format
from cloche.model.process import Metadata, Translation

if TYPE_CHECKING:
    from cloche.authoring.raster import Raster
    from cloche.authoring.vector import Vector

__all__ = [
    "AnyURI",
    "BoundingBox",
    "Cancelled",
    "DeclarationError",
    "File",
    "Format",
    "Input",
    "Job",
    "Json",
    "Limits",
    "Measure",
    "Metadata",
    "Output",
    "Process",
    "ProcessError",
    "Range",
    "Raster",
    "Translation",
    "Vector",
    "WrongData",
    "process",
]


def __getattr__(name: str) -> Any:
    if name == "Vector":
        from cloche.authoring.vector import Vector

        return Vector
    if name == "Raster":
        from cloche.authoring.raster import Raster

        return Raster
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
