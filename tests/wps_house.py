"""A WPS over the real service, job directories and storage, with a store in memory and executions that are functions.

``House.play`` says what an execution does; ``House.client`` speaks HTTP to the routes without a network.
"""

import importlib.util
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile

from starlette.applications import Starlette
from starlette.testclient import TestClient

from cloche.engine.bell import LocalBell
from cloche.jobdir.workspace import JobDirs
from cloche.model.data import BoundingBoxData, ComplexData, LiteralData, Output, StoredData
from cloche.model.domains import BoundingBoxDomain, Closure, ComplexDomain, Datatype, LiteralDomain, Range
from cloche.model.errors import NoSuchJob, NoSuchProcess, ServerBusy
from cloche.model.formats import Format
from cloche.model.job import Failure, FailureKind, Job
from cloche.model.process import JobControl, Metadata, Parameter, ProcessDescription, Translation
from cloche.model.state import ENDED, State, Wanted
from cloche.ports.catalog import Published
from cloche.protocols import outputs, wps1
from cloche.service.policy import Policy
from cloche.service.service import Service
from cloche.storage.files import FileStorage

URL = "http://wps.test"
XML = Format(media_type="text/xml")
JSON = Format(media_type="application/json")
TEXT = Format(media_type="text/plain")
TIFF = Format(media_type="image/tiff")
GML = Format(media_type="text/xml; subtype=gml/3.1.1", schema="http://schemas.opengis.net/gml/3.1.1/base/gml.xsd")
ANY = ComplexDomain(formats=(XML, JSON, TEXT, TIFF, GML), max_bytes=64 << 20)
BOX = BoundingBoxDomain(crs=("urn:ogc:def:crs:EPSG::4326", "EPSG:3857"))

ECHO = ProcessDescription(
    id="echo",
    version="1.2.0",
    title="Echo",
    abstract="Gives back what it is given & more.",
    metadata=(Metadata(title="more", href="http://example.org/more?a=1&b=2", role="about"),),
    translations=(Translation(language="de", title="Widerhall", abstract="Gibt zurück, was es bekommt."),),
    inputs=(
        Parameter(
            id="text",
            title="Text",
            domain=LiteralDomain(datatype=Datatype.STRING),
            min_occurs=0,
            max_occurs=None,
            translations=(Translation(language="de-DE", title="Wörter"),),
        ),
        Parameter(
            id="number",
            title="Number",
            abstract="Between 0 and 10",
            domain=LiteralDomain(
                datatype=Datatype.FLOAT,
                ranges=(Range(minimum="0", maximum="10", closure=Closure.OPEN_CLOSED),),
                units=("metre", "feet"),
                default="1",
            ),
            min_occurs=0,
        ),
        Parameter(
            id="choice",
            title="Choice",
            domain=LiteralDomain(datatype=Datatype.STRING, values=("small", "large")),
            min_occurs=0,
        ),
        Parameter(id="box", title="Box", domain=BOX, min_occurs=0),
        Parameter(id="data", title="Data", domain=ANY, min_occurs=0, max_occurs=3),
    ),
    outputs=(
        Parameter(id="text", title="Text", domain=LiteralDomain(datatype=Datatype.STRING)),
        Parameter(id="number", title="Number", domain=LiteralDomain(datatype=Datatype.FLOAT, units=("metre",))),
        Parameter(id="box", title="Box", domain=BOX),
        Parameter(id="data", title="Data", domain=ANY),
    ),
)
STRICT = ProcessDescription(
    id="strict",
    version="1",
    title="Strict",
    inputs=(Parameter(id="n", title="N", domain=LiteralDomain(datatype=Datatype.INTEGER)),),
    outputs=(Parameter(id="out", title="Out", domain=LiteralDomain(datatype=Datatype.INTEGER)),),
)
BARE = replace(STRICT, id="bare", title="Bare", inputs=())
SYNC = replace(BARE, id="sync-only", job_control=(JobControl.SYNC,))
ASYNC = replace(BARE, id="async-only", job_control=(JobControl.ASYNC,))


class Catalog:
    def __init__(self, *descriptions):
        self.descriptions = sorted(descriptions, key=lambda item: item.id)
        self.number = 1000

    def processes(self):
        return [Published(description=item, package="test") for item in self.descriptions]

    def get(self, id):
        for published in self.processes():
            if published.description.id == id:
                return published
        raise NoSuchProcess(f"There is no process {id}.")

    def problems(self):
        return []

    def version(self):
        return self.number


class Store:
    """Rows in memory; ``full`` refuses what is added."""

    def __init__(self):
        self.rows, self.full, self.lock = {}, False, threading.Lock()

    def add(self, job, *, admission, mode, once=None):
        if self.full:
            raise ServerBusy("no slot", retry_after=7)
        self.rows[job.id] = job
        return job

    def get(self, id):
        if id not in self.rows:
            raise NoSuchJob(f"There is no job {id}.", locator=id)
        return self.rows[id]

    def want(self, id, wanted):
        return self.change(id, wanted=wanted)

    def change(self, id, **values):
        with self.lock:
            self.rows[id] = replace(self.get(id), updated=datetime.now(UTC), **values)
        return self.rows[id]


def echo(house: "House", job: Job) -> None:
    """Every output that has an input of the same name, with its first value."""
    given = {}
    for item in job.request.inputs:
        given.setdefault(item.id, item.data)
    found = []
    for wanted in job.request.outputs:
        data = given.get(wanted.id)
        if isinstance(data, LiteralData | BoundingBoxData):
            found.append(Output(id=wanted.id, data=data))
        elif isinstance(data, ComplexData):
            content = house.input(job, data.file)
            found.append(house.store_output(job, wanted.id, content, wanted.format or data.format))
        elif wanted.id in ("out", "number"):
            found.append(Output(id=wanted.id, data=LiteralData(value="42")))
    house.move(job, State.SUCCEEDED, outputs=tuple(found), finished=datetime.now(UTC), progress=100)


def hold(house: "House", job: Job) -> None:
    """Nothing happens until the test does it."""


def fails(kind: FailureKind, text: str = "it broke", locator: str = "") -> Callable[["House", Job], None]:
    """An execution that fails for that reason."""

    def play(house: "House", job: Job) -> None:
        failure = Failure(kind=kind, text=text, locator=locator)
        house.move(job, State.FAILED, failure=failure, finished=datetime.now(UTC))

    return play


@dataclass
class House:
    """Everything, put together. ``wake`` is the engine: each new job is played in a thread."""

    root: Path
    descriptions: tuple[ProcessDescription, ...] = (ECHO, STRICT, BARE, SYNC, ASYNC)
    max_input_bytes: int | None = 64 << 20
    config: wps1.Wps1Config = field(
        default_factory=lambda: wps1.Wps1Config(url=URL, languages=("en-US", "de", "fr-CA"))
    )

    def __post_init__(self):
        self.catalog, self.store, self.bell = Catalog(*self.descriptions), Store(), LocalBell()
        self.storage, self.dirs = FileStorage(self.root / "results"), JobDirs(self.root)
        self.play, self.seen = echo, set()
        self.service = Service(
            catalog=self.catalog,
            store=self.store,
            storage=self.storage,
            workspace=self.dirs,
            executors={"fake": object()},
            waker=self,
            bell=self.bell,
            policy=Policy(mode="fake", parallel=2, waiting=2, max_input_bytes=self.max_input_bytes),
        )
        self.app = Starlette(routes=[*wps1.routes(self.service, self.config), *outputs.routes(self.service)])
        self.client = TestClient(self.app, base_url=URL, raise_server_exceptions=True, follow_redirects=False)

    def wake(self):
        for job in list(self.store.rows.values()):
            if job.id not in self.seen:
                self.seen.add(job.id)
                threading.Thread(target=self.play, args=(self, job), daemon=True).start()
            elif job.wanted is Wanted.STOP and job.state not in ENDED:
                self.move(job, State.DISMISSED, finished=datetime.now(UTC))

    def heed(self):
        self.wake()

    def move(self, job: Job, state: State, **values) -> Job:
        moved = self.store.change(job.id, state=state, **values)
        self.bell.ring(job.id, ended=state in ENDED)
        return moved

    def input(self, job: Job, file: str) -> bytes:
        return (self.dirs.jobdir(job.id) / "in" / file).read_bytes()

    def store_output(self, job: Job, id: str, content: bytes, format: Format, name: str = "") -> Output:
        with TemporaryFile() as file:
            file.write(content)
            file.flush()
            file.seek(0)
            size = self.storage.put(job.id, name or f"{id}.bin", file.fileno(), media_type=format.media_type)
        return Output(id=id, data=StoredData(name=name or f"{id}.bin", format=format, size=size))

    def get(self, query: str = "", **headers):
        return self.client.get(f"/wps?{query}" if query else "/wps", headers=headers)

    def post(self, body: str | bytes, **headers):
        return self.client.post("/wps", content=body, headers={"content-type": "text/xml", **headers})

    @property
    def jobs(self) -> list[Job]:
        return list(self.store.rows.values())


@cache
def _validator(path: Path):
    spec = importlib.util.spec_from_file_location("ogc_validate", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def assert_valid(standards: Path, content: bytes) -> None:
    """The document validates against the OGC's schemas."""
    assert _validator(standards / "validate.py").check_xml(content) == [], content.decode()
