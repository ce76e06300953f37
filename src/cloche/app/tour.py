"""The tour of ``cloche demo``: three executions over HTTP as any client would make them, and the commands for that."""

import shlex
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlencode

import click

from cloche.app.demo import example_data

PATIENCE = 120.0
MEND = "The data and the geo libraries are missing; install them with: pip install 'cloche[demo]'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One execution: ``inputs`` as pairs, a file of the example data as ``@name``; ``output`` may choose a format."""

    title: str
    process: str
    inputs: tuple[tuple[str, str], ...]
    output: str
    file: str

    def url(self, wps: str, data: Path) -> str:
        """The Execute request with key-value pairs."""
        query = {
            "service": "WPS",
            "version": "1.0.0",
            "request": "Execute",
            "identifier": self.process,
            "DataInputs": ";".join(f"{name}={_value(value, data)}" for name, value in self.inputs),
            "RawDataOutput": self.output,
        }
        return f"{wps}?{urlencode(query, quote_via=quote, safe='/:;=@,')}"


STEPS = (
    Step(
        title="Grow the glaciers of Colorado by two kilometres, as GeoJSON",
        process="vector_buffer",
        inputs=(("features", "@colorado-glaciers.geojson"), ("distance", "2000")),
        output="result",
        file="glaciers.geojson",
    ),
    Step(
        title="Shade the relief of Rocky Mountain National Park, as PNG",
        process="raster_hillshade",
        inputs=(("elevation", "@rmnp-dem.tif"),),
        output="result@mimeType=image/png",
        file="relief.png",
    ),
    Step(
        title="Reproject the counties of Colorado to UTM, as a GeoPackage",
        process="vector_reproject",
        inputs=(("features", "@colorado-counties.geojson"), ("crs", "EPSG:32613")),
        output="result@mimeType=application/geopackage+sqlite3",
        file="counties.gpkg",
    ),
)


class Tour:
    """What to do once the server answers (``server.Ready``). ``failures`` says afterwards what went wrong."""

    def __init__(self, *, leave: bool) -> None:
        self._leave = leave
        self.failures: list[str] = []
        self.done = threading.Event()

    def __call__(self, url: str, stop: Callable[[], None]) -> None:
        try:
            self._go(url)
        except Exception as error:  # noqa: BLE001 - the edge of a thread: the reader has to learn of it
            self.failures.append(f"{type(error).__name__}: {error}")
        for failure in self.failures:
            click.echo(f"\nfailed: {failure}", err=True)
        click.echo(f"\nStill serving at {url}/ (WPS: {url}/wps); Ctrl-C ends it." if not self._leave else "\nDone.")
        self.done.set()
        if self._leave:
            stop()

    def _go(self, url: str) -> None:
        data = example_data()
        if data is None:
            self.failures.append(MEND)
            return
        folder = Path(tempfile.mkdtemp(prefix="cloche-demo-"))
        for number, step in enumerate(STEPS, 1):
            target = folder / step.file
            address = step.url(f"{url}/wps", data)
            click.echo(f"\n{number}. {step.title}\n\n   curl -o {shlex.quote(str(target))} {shlex.quote(address)}\n")
            self._execute(address, target)

    def _execute(self, address: str, target: Path) -> None:
        begin = time.perf_counter()
        try:
            with urllib.request.urlopen(address, timeout=PATIENCE) as answer:  # noqa: S310 - our own http address
                target.write_bytes(answer.read())
                kind = answer.headers["Content-Type"]
        except urllib.error.HTTPError as refusal:
            with refusal:
                self.failures.append(refusal.read().decode("utf-8", "replace"))
            return
        took = time.perf_counter() - begin
        click.echo(f"   {target} ({target.stat().st_size} bytes of {kind}) after {took:.2f} s")


def _value(value: str, data: Path) -> str:
    return f"@xlink:href={(data / value[1:]).as_uri()}" if value.startswith("@") else value
