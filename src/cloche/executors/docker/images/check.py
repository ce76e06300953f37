"""Proves that an image is fit for executions: by executing something in it, as a server does."""

import json
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from cloche import __version__
from cloche.executors.docker import recipe
from cloche.executors.docker.executor import DockerExecutor
from cloche.executors.docker.images import base
from cloche.executors.docker.images.dockerfile import PACKAGE_LABEL
from cloche.executors.docker.images.engine import Engine, Image
from cloche.executors.docker.images.errors import ImageError
from cloche.executors.docker.recipe import Kind, Surroundings
from cloche.executors.docker.settings import DockerSettings
from cloche.jobdir.files import RecordError, read_record, write_record
from cloche.jobdir.layout import Layout
from cloche.jobdir.records import ExitRecord, LiteralResult, ResultRecord, TaskRecord
from cloche.jobdir.workspace import JobDirs
from cloche.model.data import Input, LiteralData
from cloche.model.execute import OutputRequest
from cloche.model.limits import Limits
from cloche.ports.describer import PackageBroken
from cloche.ports.executor import Phase, Refused, Task, Unreachable

ECHO_PACKAGE = "cloche.library.echo"
ECHO_PROCESS = "org.n52.wps.server.algorithm.test.EchoProcess"
_LIMITS = Limits(memory=256 << 20, processes=64, cpus=1.0, run_time=60.0)
_PATIENCE_S = 120.0
_PAUSE_S = 0.02
_VERSION = "import cloche, cloche.runner, cloche.process; print(cloche.__version__)"
# 192.0.2.0/24 is nobody's (RFC 5737), and connecting a datagram socket sends nothing
_PROBE = """
import json, os, socket
status = dict(line.rstrip("\\n").split(":\\t", 1) for line in open("/proc/self/status") if ":\\t" in line)
def network():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return []
    return ["a route to 192.0.2.1"]
def writable():
    found = []
    for place in ("/", "/etc", "/opt", "/usr", "/var"):
        try:
            with open(os.path.join(place, ".cloche-probe"), "w"):
                found.append(place)
        except OSError:
            pass
    return found
print(json.dumps({
    "uid": os.getuid(), "gid": os.getgid(), "effective": status.get("CapEff"), "bounding": status.get("CapBnd"),
    "privileges": status.get("NoNewPrivs"), "seccomp": status.get("Seccomp"), "network": network(),
    "writable": writable(), "readonly": bool(os.statvfs("/").f_flag & os.ST_RDONLY)}))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One check: ``ok``, and what was found."""

    name: str
    ok: bool
    found: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where and as whom executions run: an empty directory of ours, (uid, gid), the daemon's runtime or ""."""

    folder: Path
    user: tuple[int, int]
    runtime: str = ""


def check(engine: Engine, tag: str, package: str, place: Place) -> Iterator[Outcome]:
    """Every check, as it is done. ``package`` as in ``[processing] packages``; empty: what the image says it holds.

    Raises ImageError where there is no image to check, or no engine.
    """
    image = engine.get(tag)
    named = package or image.labels.get(PACKAGE_LABEL, "")
    yield Outcome(name="image", ok=True, found=f"{image.size / 1e6:.0f} MB, {image.architecture}, {image.id}")
    first = _outcome("Python", lambda: ".".join(map(str, base.python_version(engine, tag))))
    yield first
    if not first.ok:
        return
    rooms = _outcome("Cloche inside", lambda: _version(engine, tag))
    yield rooms
    if not rooms.ok:
        return
    yield from _walls(engine, image, place)
    with _executor(engine, image, place) as executor:
        yield _outcome("EchoProcess", lambda: _echo(executor, place))
        if named:
            yield _outcome(f"describe {named}", lambda: _described(executor, named))


def _outcome(name: str, find: Callable[[], str]) -> Outcome:
    """What ``find`` says, or why it could not."""
    try:
        return Outcome(name=name, ok=True, found=find())
    except (ImageError, PackageBroken, Unreachable, RecordError, OSError) as error:
        return Outcome(name=name, ok=False, found=str(error).strip())
    except Refused as error:
        return Outcome(name=name, ok=False, found=(error.detail or str(error)).strip())


def _version(engine: Engine, tag: str) -> str:
    ran = engine.run(tag, ["-I", "-c", _VERSION], timeout_s=_PATIENCE_S, network_mode="none", entrypoint=["python3"])
    said = ran.output.strip()
    if ran.code:
        raise ImageError(f"`python3 -I` does not find the runner: build it with `cloche image build`\n{said}")
    if said != __version__:
        raise ImageError(f"{said}, and the server is {__version__}: build the image anew")
    return said


def _walls(engine: Engine, image: Image, place: Place) -> Iterator[Outcome]:
    """What a container looks like from within, made as those of executions are."""
    try:
        seen = _look(engine, image, place)
    except ImageError as error:
        yield Outcome(name="hardened container", ok=False, found=str(error))
        return
    none = "0" * 16
    yield Outcome(name="no root", ok=seen["uid"] != 0, found=f"runs as {seen['uid']}:{seen['gid']}")
    dropped = (seen["effective"], seen["bounding"]) == (none, none)
    yield Outcome(name="no capabilities", ok=dropped, found=f"bounding set {seen['bounding']}")
    yield Outcome(name="no new privileges", ok=seen["privileges"] == "1", found=f"NoNewPrivs {seen['privileges']}")
    # gVisor filters with a kernel of its own, and says so by saying nothing
    filtered = seen["seccomp"] == "2" or "runsc" in place.runtime
    yield Outcome(name="system calls filtered", ok=filtered, found=f"Seccomp {seen['seccomp']}")
    yield Outcome(name="no network", ok=not seen["network"], found=", ".join(seen["network"]) or "nothing but loopback")
    sealed = seen["readonly"] and not seen["writable"]
    yield Outcome(name="read-only root", ok=sealed, found=", ".join(seen["writable"]) or "nothing can be written")


def _look(engine: Engine, image: Image, place: Place) -> dict[str, Any]:
    around = Surroundings(user=place.user, network=None, runtime=place.runtime, scratch=16 << 20, labels=())
    kind = Kind(image=image.id, package="", **recipe.sized(_LIMITS))
    body = recipe.container("cloche-check", kind, around, (), None)
    body |= {"Entrypoint": ["python3", "-I", "-c", _PROBE], "OpenStdin": False, "AttachStdin": False}
    body["HostConfig"].pop("LogConfig")  # its word is its log
    ran = engine.run_config(body, timeout_s=_PATIENCE_S)
    try:
        found: dict[str, Any] = json.loads(ran.output)
    except ValueError:
        raise ImageError(f"it does not start: {ran.output.strip() or ran.code}") from None
    return found


@contextmanager
def _executor(engine: Engine, image: Image, place: Place) -> Iterator[DockerExecutor]:
    settings = DockerSettings(
        name="docker",
        folder=place.folder / "slots",
        host="" if engine.from_environment else engine.address,
        image=image.id,
        runtime=place.runtime,
        user=place.user,
        prepared=0,
    )
    executor = DockerExecutor(settings)
    try:
        yield executor
    finally:
        executor.close()


def _described(executor: DockerExecutor, package: str) -> str:
    found = executor.describe(package).processes
    return ", ".join(process.id for process in found)


def _echo(executor: DockerExecutor, place: Place) -> str:
    """Run it with a word nobody could guess. Raises ImageError."""
    word = uuid.uuid4().hex
    task = _task(JobDirs(place.folder, place.user), word)
    begin = time.monotonic()
    handle = executor.start(task)
    try:
        while executor.poll([handle])[handle].phase is not Phase.GONE:
            if time.monotonic() - begin > _PATIENCE_S:
                raise ImageError(f"has not ended within {_PATIENCE_S:.0f} s")
            time.sleep(_PAUSE_S)
    finally:
        executor.stop(handle, grace=timedelta(0))
        executor.release(handle)
    took = time.monotonic() - begin
    _assert_echoed(Layout(task.jobdir), word)
    return f"said what it was told, in {took:.2f} s with the start of its container"


def _task(dirs: JobDirs, word: str) -> Task:
    key = uuid.uuid4().hex
    dirs.adopt(key, None)
    layout = Layout(dirs.jobdir(key))
    record = TaskRecord(
        job=key,
        package=ECHO_PACKAGE,
        process=ECHO_PROCESS,
        inputs=(Input(id="literalInput", data=LiteralData(value=word)),),
        outputs=(OutputRequest(id="literalOutput"),),
        limits=_LIMITS,
    )
    write_record(layout.request, record)
    return Task(key=key, package=record.package, jobdir=layout.root, limits=record.limits)


def _assert_echoed(layout: Layout, word: str) -> None:
    """Raises ImageError with what the execution printed, RecordError for claims that make no sense."""
    end = read_record(ExitRecord, layout.exit)
    if end is None or not end.ok:
        said = layout.stderr.read_text("utf-8", "replace").strip() if layout.stderr.exists() else ""
        raise ImageError("\n".join(filter(None, ("it failed", end.message if end else "without evidence", said))))
    result = read_record(ResultRecord, layout.result)
    values = [output.value for output in result.outputs] if result else []
    if [LiteralResult(value=word)] != values:
        raise ImageError(f"it said {values}")
