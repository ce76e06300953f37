"""OGC API - Processes over the real service, store, job directories and storage; executions are functions.

``House.play`` says what an execution does; ``House.client`` speaks HTTP to the routes without a network.
"""

import importlib.util
import threading
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile

from starlette.applications import Starlette
from starlette.testclient import TestClient

from cloche.engine.bell import LocalBell
from cloche.jobdir.workspace import JobDirs
from cloche.model.data import BoundingBoxData, ComplexData, LiteralData, Output, StoredData
from cloche.model.domains import BoundingBoxDomain, Closure, ComplexDomain, Datatype, LiteralDomain, Range
from cloche.model.errors import NoSuchProcess
from cloche.model.formats import Format
from cloche.model.job import Failure, FailureKind
from cloche.model.process import JobControl, Metadata, Parameter, ProcessDescription, Translation
from cloche.model.state import ENDED, State, Wanted
from cloche.ports.catalog import Published
from cloche.ports.store import Conflict, Move
from cloche.protocols import ogcapi, outputs
from cloche.runner import describe, package
from cloche.service.policy import Policy
from cloche.service.service import Service
from cloche.storage.files import FileStorage
from cloche.store import SqlStore

URL = "http://api.test"
JSON, TEXT, XML, TIFF, GEOJSON = (
    Format(media_type=name)
    for name in ("application/json", "text/plain", "text/xml", "image/tiff", "application/geo+json")
)
SYSTEMS = ("http://www.opengis.net/def/crs/OGC/1.3/CRS84", "EPSG:4326")


def literal(datatype, **more):
    return LiteralDomain(datatype=datatype, **more)


def parameter(id, domain, *, least=0, most=1, **more):
    return Parameter(id=id, title=id.title(), domain=domain, min_occurs=least, max_occurs=most, **more)


SPAN = Range(minimum="0", maximum="10", closure=Closure.OPEN_CLOSED)
INPUTS = (
    parameter("text", literal(Datatype.STRING), most=None, keywords=("words",)),
    parameter("count", literal(Datatype.INTEGER, ranges=(Range(minimum="0", maximum="100", spacing="5"),))),
    parameter("length", literal(Datatype.FLOAT, ranges=(SPAN,), units=("metre", "feet"), default="1")),
    parameter("choice", literal(Datatype.STRING, values=("small", "large"))),
    parameter("flag", literal(Datatype.BOOLEAN)),
    parameter("when", literal(Datatype.DATETIME)),
    parameter("day", literal(Datatype.DATE)),
    parameter("where", literal(Datatype.ANY_URI)),
    parameter("box", BoundingBoxDomain(crs=SYSTEMS)),
    parameter("cube", BoundingBoxDomain(crs=("EPSG:4979",), dimensions=3)),
    parameter("features", ComplexDomain(formats=(GEOJSON, XML), max_bytes=1 << 20), most=3),
    parameter("document", ComplexDomain(formats=(JSON,))),
    parameter("picture", ComplexDomain(formats=(TIFF,))),
    parameter("words", ComplexDomain(formats=(TEXT, JSON, XML))),
)
ALL = ProcessDescription(
    id="all",
    version="2.1.0",
    title="Everything",
    abstract="Gives back <all> it is given.",
    keywords=("a", "b"),
    metadata=(Metadata(title="more", href="http://example.org/?a=1&b=2"), Metadata(title="x", href="javascript:x()")),
    translations=(Translation(language="de", title="Alles"),),
    inputs=INPUTS,
    outputs=tuple(Parameter(id=p.id, title=p.title, domain=p.domain) for p in INPUTS),
)
ONE = ProcessDescription(
    id="one",
    version="1.0.0",
    title="One",
    inputs=(parameter("n", literal(Datatype.INTEGER), least=1),),
    outputs=(Parameter(id="n", title="N", domain=literal(Datatype.INTEGER)),),
)
SYNC = ProcessDescription(
    id="sync", version="1", title="S", inputs=(), outputs=ONE.outputs, job_control=(JobControl.SYNC,)
)
ASYNC = ProcessDescription(
    id="async", version="1", title="A", inputs=(), outputs=ONE.outputs, job_control=(JobControl.ASYNC,)
)


@cache
def shipped() -> tuple[ProcessDescription, ...]:
    """The echo processes of the conformance suites."""
    return describe.describe(package.load("cloche.library.echo"))


class Catalog:
    def __init__(self, *descriptions):
        self.descriptions = sorted(descriptions, key=lambda item: item.id)
        self.number = 1

    def processes(self):
        return [Published(description=item, package="test") for item in self.descriptions]

    def get(self, id):
        for published in self.processes():
            if published.description.id == id:
                return published
        raise NoSuchProcess(f"There is no process {id!r}.", locator=id)

    def problems(self):
        return []

    def version(self):
        return self.number


class Runs:
    """An executor that can pause."""

    def pause(self, handle): ...

    def resume(self, handle): ...


def echo(house, job):
    """Every output that has an input of the same name, with its first value."""
    given = {}
    for item in job.request.inputs:
        given.setdefault(item.id, item.data)
    found = []
    for wanted in job.request.outputs:
        data = given.get(wanted.id)
        if isinstance(data, LiteralData | BoundingBoxData):
            # executions write values, not their types
            data = replace(data, datatype="") if isinstance(data, LiteralData) else data
            found.append(Output(id=wanted.id, data=data))
        elif isinstance(data, ComplexData):
            content = (house.dirs.jobdir(job.id) / "in" / data.file).read_bytes()
            found.append(house.put(job, wanted.id, content, wanted.format or data.format))
        elif wanted.id == "n":
            found.append(Output(id="n", data=LiteralData(value="42", datatype="integer")))
    house.end(job, State.SUCCEEDED, outputs=tuple(found))


def hold(house, job):
    """Nothing happens until the test does it."""


def fails(kind=FailureKind.PROCESS, text="it broke", locator=""):
    def play(house, job):
        house.end(job, State.FAILED, failure=Failure(kind=kind, text=text, locator=locator))

    return play


@dataclass
class House:
    """Everything, put together. ``wake`` is the engine: each new job is claimed and played in a thread."""

    root: Path
    descriptions: tuple[ProcessDescription, ...] = (ALL, ONE, SYNC, ASYNC)
    max_input_bytes: int | None = 64 << 20
    parallel: int = 8
    waiting: int = 50
    config: ogcapi.OgcApiConfig = field(
        default_factory=lambda: ogcapi.OgcApiConfig(url=URL, title="Tests", languages=("en-US", "de"))
    )

    def __post_init__(self):
        self.catalog, self.bell = Catalog(*self.descriptions), LocalBell()
        self.store = SqlStore(self.root / "jobs.db")
        self.storage, self.dirs = FileStorage(self.root / "results"), JobDirs(self.root)
        self.play = echo
        self.service = Service(
            catalog=self.catalog,
            store=self.store,
            storage=self.storage,
            workspace=self.dirs,
            executors={"fake": Runs()},
            waker=self,
            bell=self.bell,
            policy=Policy(
                mode="fake", parallel=self.parallel, waiting=self.waiting, max_input_bytes=self.max_input_bytes
            ),
        )
        self.app = Starlette(routes=[*outputs.routes(self.service), *ogcapi.routes(self.service, self.config)])
        self.client = TestClient(self.app, base_url=URL, raise_server_exceptions=True, follow_redirects=False)

    def close(self):
        self.store.close()

    def wake(self):
        for job in self.store.claim("w", parallel=99, per_process={}, limit=99):
            running = self.store.move(job, State.RUNNING)
            threading.Thread(target=self._played, args=(running,), daemon=True).start()
        for job in self.store.stopping():
            if job.wanted is Wanted.STOP:
                self.end(job, State.DISMISSED)

    def heed(self):
        self.wake()

    def _played(self, job):
        with suppress(Conflict):  # dismissed in the meantime
            self.play(self, job)

    def end(self, job, state, **change):
        job = self.store.get(job.id)
        if job.state in ENDED:
            return
        if job.state is State.RUNNING and state is State.SUCCEEDED:
            job = self.store.move(job, State.FINISHING)
        if state is State.SUCCEEDED:
            change.setdefault("progress", 100)
        self.store.move(job, state, Move(**change))
        self.bell.ring(job.id, ended=state in ENDED)

    def put(self, job, id, content, format):
        with TemporaryFile() as file:
            file.write(content)
            file.flush()
            file.seek(0)
            size = self.storage.put(job.id, f"{id}.bin", file.fileno(), media_type=format.media_type)
        return Output(id=id, data=StoredData(name=f"{id}.bin", format=format, size=size))

    def get(self, path, **headers):
        return self.client.get(path, headers=headers)

    def run(self, process, inputs=None, *, headers=None, **body):
        sent = body | ({"inputs": inputs} if inputs is not None else {})
        return self.client.post(f"/processes/{process}/execution", json=sent, headers=headers or {})

    def start(self, process="async", inputs=None, **body):
        """The identifier of an asynchronous job."""
        answer = self.run(process, inputs, headers={"prefer": "respond-async"}, **body)
        assert answer.status_code == 201, answer.text
        return answer.json()["jobID"]

    def await_end(self, job):
        return self.service.wait(job, timeout=20)


@cache
def _validator(path: Path):
    spec = importlib.util.spec_from_file_location("ogc_validate", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def assert_valid(standards: Path, answer, schema: str, status: int = 200):
    """The JSON of an answer validates against a schema of the standard; returns it."""
    assert answer.status_code == status, answer.text
    found = answer.json()
    errors = _validator(standards / "validate.py").check_json(found, schema)
    assert errors == [], found
    return found


def problem(standards: Path, answer, status: int, type: str | None = None, pointer: str | None = None):
    """The answer is problem details."""
    assert answer.headers["content-type"] == "application/problem+json", answer.headers
    found = assert_valid(standards, answer, "exception", status)
    assert found["status"] == status
    assert found["detail"]
    if type is not None:
        assert found["type"].rpartition("/")[2] == type, found
    if pointer is not None:
        assert pointer in [error["pointer"] for error in found["errors"]], found
    return found
