"""The EchoProcesses that the conformance suites of WPS 1.0.0, WPS 2.0 and OGC API - Processes ask for."""

import time
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from cloche.process import BoundingBox, File, Input, Job, Json, Output, process

XML, JSON, TEXT = "text/xml", "application/json", "text/plain"
SYSTEMS_1 = ("urn:ogc:def:crs:OGC:1.3:CRS84", "EPSG:4326")
SYSTEMS_2 = ("http://www.opengis.net/def/crs/OGC/1.3/CRS84", "EPSG:4326")
IMAGES = ("image/tiff; application=geotiff", "image/png")
INTEGERS = {"type": "array", "minItems": 2, "maxItems": 10, "items": {"type": "integer"}}
TEXT_OR_NAMED = {
    "oneOf": [
        {"type": "string", "contentMediaType": TEXT},
        {
            "type": "object",
            "required": ["name"],
            "properties": {"name": {"type": "string"}, "flag": {"type": "boolean"}},
        },
    ]
}


@dataclass(frozen=True)
class Echo1:
    """What came in, under the names of the WPS 1.0.0 suite."""

    complex: Annotated[File | None, Output(id="complexOutput", formats=[XML, JSON])]
    literal: Annotated[str | None, Output(id="literalOutput")]
    box: Annotated[BoundingBox | None, Output(id="boundingboxOutput", crs=SYSTEMS_1)]


@process(id="org.n52.wps.server.algorithm.test.EchoProcess")
def echo_wps1(
    complex: Annotated[File | None, Input(id="complexInput", formats=[XML, JSON])] = None,
    literal: Annotated[str | None, Input(id="literalInput")] = None,
    box: Annotated[BoundingBox | None, Input(id="boundingboxInput", crs=SYSTEMS_1)] = None,
    duration: Annotated[int, Input("Milliseconds to wait")] = 0,
    *,
    job: Job,
) -> Echo1:
    """Echo process."""
    wait(duration / 1000, job)
    return Echo1(complex, literal, box)


@dataclass(frozen=True)
class Echo2:
    """What came in, under the names of the WPS 2.0 suite."""

    box: Annotated[BoundingBox | None, Output(id="boundingboxOutput", crs=SYSTEMS_2)]
    complex: Annotated[File | None, Output(id="complexOutput", formats=[XML, JSON, TEXT])]
    literal: Annotated[str | None, Output(id="literalOutput")]


@process(id="org.n52.javaps.test.EchoProcess")
def echo_wps2(
    duration: int | None = None,
    box: Annotated[BoundingBox | None, Input(id="boundingboxInput", crs=SYSTEMS_2)] = None,
    complex: Annotated[File | None, Input(id="complexInput", formats=[XML, JSON, TEXT])] = None,
    literal: Annotated[str | None, Input(id="literalInput")] = None,
    *,
    job: Job,
) -> Echo2:
    """Echo process."""
    wait((duration or 0) / 1000, job)
    return Echo2(box, complex, literal)


@dataclass(frozen=True)
class Echo:
    """What came in, under the same names."""

    echo: Annotated[str, Output("Plain string")]
    number: Annotated[float | None, Output("Bounded number", exclusive_minimum=0, maximum=10)]
    date: Annotated[datetime | None, Output("Date and time")]
    array: Annotated[Json | None, Output("Array of integers", json_schema=INTEGERS)]
    mixed: Annotated[File | None, Output("Text or JSON object", formats=[TEXT, JSON], json_schema=TEXT_OR_NAMED)]
    box: Annotated[BoundingBox | None, Output("Bounding box", id="boundingBox", crs=SYSTEMS_2[0])]
    image: Annotated[File | None, Output("Inline or referenced image", formats=IMAGES)]


@process(id="EchoProcess", version="1.0.0", title="Echo Process", keywords=["echo", "conformance"])
def echo_ogcapi(
    echo: Annotated[str, Input("Plain string")],
    number: Annotated[float | None, Input("Bounded number", exclusive_minimum=0, maximum=10)] = None,
    date: Annotated[datetime | None, Input("Date and time")] = None,
    array: Annotated[Json | None, Input("Array of integers", json_schema=INTEGERS)] = None,
    mixed: Annotated[File | None, Input("Text or JSON object", formats=[TEXT, JSON], json_schema=TEXT_OR_NAMED)] = None,
    box: Annotated[BoundingBox | None, Input("Bounding box", id="boundingBox", crs=SYSTEMS_2[0])] = None,
    image: Annotated[File | None, Input("Inline or referenced image", formats=IMAGES)] = None,
    pause: Annotated[int, Input("Pause", minimum=0, maximum=60)] = 0,
    *,
    job: Job,
) -> Echo:
    """Echo Process.

    Echoes each given input as the output of the same name; waits `pause` seconds first.

    Args:
        echo: Plain string. Plain string (echoed unchanged under the same name)
        number: Bounded number. Bounded number (echoed unchanged under the same name)
        date: Date and time. Date and time (echoed unchanged under the same name)
        array: Array of integers. Array of integers (echoed unchanged under the same name)
        mixed: Text or JSON object. Text or JSON object (echoed unchanged under the same name)
        box: Bounding box. Bounding box (echoed unchanged under the same name)
        image: Inline or referenced image. Inline or referenced image (echoed unchanged under the same name)
        pause: Pause. Seconds to wait before the outputs are returned
    """
    wait(pause, job)
    return Echo(echo, number, date, array, mixed, box, image)


def wait(seconds: float, job: Job) -> None:
    """Sleep in short steps, with progress, until time is up or the job is stopped."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        job.progress(100 - 100 * left / seconds, "waiting")
        time.sleep(min(left, 0.1))
