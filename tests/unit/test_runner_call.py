"""The call of a process on a job directory, in this process: every feature and every kind of failure."""

import errno
import json
import os
import signal
import sys
import threading
from dataclasses import dataclass
from datetime import date
from enum import Enum
from pathlib import Path
from typing import Annotated, TypedDict

import pytest

from cloche.jobdir.files import read_record, write_record
from cloche.jobdir.layout import Layout
from cloche.jobdir.records import (
    BoundingBoxResult,
    FileResult,
    LiteralResult,
    ProgressRecord,
    ResultFailure,
    ResultRecord,
    TaskRecord,
)
from cloche.model.codec import decode
from cloche.model.data import BoundingBoxData, ComplexData, LiteralData
from cloche.model.data import Input as Given
from cloche.model.execute import OutputRequest
from cloche.model.formats import Format
from cloche.model.job import FailureKind
from cloche.model.limits import Limits
from cloche.process import BoundingBox, File, Input, Job, Json, Measure, Output, ProcessError, WrongData, process
from cloche.runner import call
from cloche.runner.package import Package

XML, JSON, TEXT = (Format(media_type=name) for name in ("text/xml", "application/json", "text/plain"))


BOX = """<wps:BoundingBoxData xmlns:wps="http://www.opengis.net/wps/1.0.0" xmlns:ows="http://www.opengis.net/ows/1.1"
 crs="EPSG:4326" dimensions="2"><ows:LowerCorner>51 7</ows:LowerCorner><ows:UpperCorner>52 8</ows:UpperCorner>
</wps:BoundingBoxData>"""


class Bench:
    """A job directory and a call in it."""

    def __init__(self, root):
        self.layout = Layout(root)
        self.layout.inputs.mkdir()
        self.layout.work.mkdir()

    def file(self, content, format=XML, name="input-0"):
        data = content if isinstance(content, bytes) else content.encode()
        (self.layout.inputs / name).write_bytes(data)
        return ComplexData(file=name, format=format, size=len(data))

    def run(self, function, *inputs, outputs=None, **record):
        requests = outputs or [OutputRequest(id=o.id, format=_format(o)) for o in function.description.outputs]
        task = TaskRecord(
            job="job-1",
            package="p",
            process=function.description.id,
            inputs=tuple(Given(id=name, data=data) for name, data in inputs),
            outputs=tuple(requests),
            **record,
        )
        write_record(self.layout.request, task)
        package = Package(spec="p", processes={function.description.id: function}, files=())
        code = call.run(self.layout, package)
        return code, read_record(ResultRecord, self.layout.result)

    def outputs(self, function, *inputs, **record):
        code, result = self.run(function, *inputs, **record)
        assert (code, result.failure) == (0, None)
        return {output.id: output.value for output in result.outputs}

    def failure(self, function, *inputs, **record):
        code, result = self.run(function, *inputs, **record)
        assert code != 0
        assert result.outputs == ()
        return result.failure

    def progress(self):
        lines = self.layout.progress.read_text().splitlines()
        return [decode(ProgressRecord, json.loads(line)) for line in lines]


def _format(output):
    formats = getattr(output.domain, "formats", ())
    return formats[0] if formats else None


@pytest.fixture
def bench(tmp_path, monkeypatch):
    bench = Bench(tmp_path)
    monkeypatch.chdir(bench.layout.work)
    return bench


def literal(text, uom=""):
    return LiteralData(value=text, uom=uom)


class Method(Enum):
    NEAREST = "nearest"


@dataclass
class Several:
    text: str
    count: Annotated[int | None, Output(unit="1")]
    box: BoundingBox | None = None
    report: Json | None = None


def test_literals_arrive_as_python_values(bench):
    seen = []

    @process
    def take(a: int, b: list[date], c: Method, d: float = 2.5, e: str | None = None) -> bool:
        seen.extend([a, b, c, d, e])
        return True

    given = [("b", literal("2024-01-02")), ("a", literal("7")), ("b", literal("2024-01-01")), ("c", literal("nearest"))]
    assert bench.outputs(take, *given) == {"result": LiteralResult(value="true")}
    assert seen == [7, [date(2024, 1, 2), date(2024, 1, 1)], Method.NEAREST, 2.5, None]


def test_absent_lists_are_empty_and_tuples_stay_tuples(bench):
    seen = []

    @process
    def take(a: list[int] | None, b: Annotated[list[int], Input(min_occurs=0)], c: tuple[int, ...] = (4, 5)) -> Json:
        seen.extend([a, b, c])
        return None if not seen else {}

    bench.outputs(take)
    assert seen == [[], [], (4, 5)]
    bench.outputs(take, ("c", literal("1")))
    assert seen[5] == (1,)


def test_units_are_converted_or_handed_over(bench):
    @process
    def take(
        a: Annotated[float, Input(unit="m", units={"km": 1000})], b: Annotated[Measure, Input(unit="m", units=["km"])]
    ) -> Annotated[float, Output(unit="m", units={"km": 1000})]:
        return a + b * 1000 if b.uom == "km" else 0.0

    given = [("a", literal("1.5", "km")), ("b", literal("2.0", "km"))]
    assert bench.outputs(take, *given) == {"result": LiteralResult(value="3500.0", uom="m")}
    asked = [OutputRequest(id="result", uom="km")]
    assert bench.outputs(take, *given, outputs=asked) == {"result": LiteralResult(value="3.5", uom="km")}


def test_boxes_come_and_go(bench):
    @process
    def grow(box: Annotated[BoundingBox, Input(crs=["EPSG:4326"])]) -> BoundingBox:
        west, south, east, north = box.bounds
        return BoundingBox.from_bounds((west - 1, south, east, north), box.crs)

    given = BoundingBoxData(lower=(51.0, 7.0), upper=(52.0, 8.0), crs="EPSG:4326")
    expected = BoundingBoxResult(lower=(51.0, 6.0), upper=(52.0, 8.0), crs="EPSG:4326")
    assert bench.outputs(grow, ("box", given)) == {"result": expected}


def test_json_is_python_both_ways(bench):
    @process
    def count(features: Annotated[Json, Input(json_schema={"required": ["features"]})]) -> Json:
        return {"count": len(features["features"])}

    given = bench.file('{"features": [1, 2]}', JSON)
    assert bench.outputs(count, ("features", given)) == {"result": FileResult(file="result.json", format=JSON)}
    assert json.loads((bench.layout.out / "result.json").read_text()) == {"count": 2}
    for content, text in {
        "{}": "Input features: $: features is missing",
        "{": "Input features: it is not JSON",
        "[NaN]": "Input features: it is not JSON: NaN is not allowed",
        b"\xff": "Input features: it is not UTF-8",
        "[" * 100000: "Input features: it is nested too deep",
    }.items():
        failure = bench.failure(count, ("features", bench.file(content, JSON)))
        assert (failure.kind, failure.locator) == (FailureKind.INPUT, "features")
        assert failure.text.startswith(text)


@pytest.mark.parametrize("returned", ["<a/>", b"<a/>", "path", "file"])
def test_files_in_every_way(bench, returned):
    @process
    def write(given: Annotated[File, Input(formats=["text/xml"])]) -> Annotated[File, Output(formats=["text/xml"])]:
        assert given.media_type == "text/xml"
        with given.open() as file:
            assert (given.text(), given.bytes(), given.size, file.read()) == ("<in/>", b"<in/>", 5, b"<in/>")
        path = bench.layout.work / "own.xml"
        path.write_text("<a/>")
        return {"path": path, "file": File(path)}.get(returned, returned)

    found = bench.outputs(write, ("given", bench.file("<in/>")))
    assert found == {"result": FileResult(file="result.xml", format=XML)}
    out = bench.layout.out / "result.xml"
    assert out.read_text() == "<a/>"
    assert not out.is_symlink()
    assert out.stat().st_nlink == 1


@dataclass
class Twice:
    a: Annotated[File, Output(formats=["text/plain"])]
    b: Annotated[File, Output(formats=["text/plain"])]
    c: Annotated[File, Output(formats=["text/plain"])]


def test_one_file_may_be_several_outputs_and_inputs_stay(bench):
    @process
    def write(given: Annotated[File, Input(formats=["text/plain"])]) -> Twice:
        path = bench.layout.work / "own"
        path.write_text("text")
        return Twice(path, path, given)

    found = bench.outputs(write, ("given", bench.file("in", TEXT)))
    contents = [(bench.layout.out / value.file).read_text() for value in found.values()]
    assert contents == ["text", "text", "in"]
    assert all((bench.layout.out / value.file).stat().st_nlink == 1 for value in found.values())
    assert (bench.layout.inputs / "input-0").read_text() == "in"


def test_a_file_that_says_its_format_keeps_it_where_supported(bench):
    note = Output(formats=["text/xml", "application/json"])

    @process
    def echo(
        given: Annotated[File, Input(formats=["text/xml", "application/json", "text/plain"])],
    ) -> Annotated[File, note]:
        return given

    json_file, text_file = bench.file("{}", JSON), bench.file("x", TEXT, "input-1")
    assert bench.outputs(echo, ("given", json_file))["result"] == FileResult(file="result.json", format=JSON)
    assert bench.outputs(echo, ("given", text_file))["result"] == FileResult(file="result.xml", format=XML)


def test_only_wanted_outputs_are_written_and_the_code_knows(bench):
    seen = {}

    @process
    def compute(*, job: Job) -> Several:
        seen.update(job.wanted)
        return Several(text="t", count=3, box=BoundingBox((0, 0), (1, 1)), report=[1])

    wanted = [OutputRequest(id="report", format=JSON), OutputRequest(id="count")]
    found = bench.outputs(compute, outputs=wanted)
    assert list(found) == ["report", "count"]
    assert found["count"] == LiteralResult(value="3", uom="1")
    assert seen == {"report": JSON, "count": None}
    assert [path.name for path in bench.layout.out.iterdir()] == ["report.json"]


class Typed(TypedDict, total=False):
    a: int
    b: int | None


def test_optional_outputs_may_be_absent(bench):
    @process
    def some() -> Typed:
        return {"a": 1}

    assert bench.outputs(some) == {"a": LiteralResult(value="1")}


@dataclass
class Odd:
    a: Annotated[Json, Output(id="a.b")]
    b: Annotated[Json, Output(id="a:b")]


def test_output_names_are_safe_and_unlike(bench):
    @process
    def write() -> Odd:
        return Odd({}, {})

    assert [value.file for value in bench.outputs(write).values()] == ["a_b-0.json", "a_b-1.json"]


def test_own_complex_types(bench):
    class Upper:
        @classmethod
        def formats(cls):
            return (TEXT,)

        @classmethod
        def receive(cls, path, format, workdir):
            assert (format, workdir) == (TEXT, bench.layout.work)
            if not path.stat().st_size:
                raise WrongData("it is empty")
            return path.read_text().upper()

        @classmethod
        def deliver(cls, value, format, directory, name):
            path = directory / f"{name}.txt"
            path.write_text(value)
            return path

    def shout(given):
        return given + "!"

    shout.__annotations__ = {"given": Upper, "return": Upper}
    found = bench.outputs(process(shout), ("given", bench.file("hey", TEXT)))
    assert (bench.layout.out / found["result"].file).read_text() == "HEY!"
    failure = bench.failure(process(shout), ("given", bench.file("", TEXT)))
    assert failure == ResultFailure(kind=FailureKind.INPUT, text="Input given: it is empty", locator="given")


@pytest.mark.parametrize(
    ("content", "format"),
    [
        ('{"bbox": [51, 7, 52, 8], "crs": "http://www.opengis.net/def/crs/EPSG/0/4326"}', JSON),
        ("51,7,52,8,urn:ogc:def:crs:EPSG:6.6:4326,2", TEXT),
        ("51,7,52,8", TEXT),
        (BOX, XML),
    ],
)
def test_referenced_boxes(bench, content, format):
    @process
    def take(box: Annotated[BoundingBox, Input(crs=["EPSG:4326"])]) -> BoundingBox:
        return box

    expected = BoundingBoxResult(lower=(51.0, 7.0), upper=(52.0, 8.0), crs="EPSG:4326")
    assert bench.outputs(take, ("box", bench.file(content, format))) == {"result": expected}


@pytest.mark.parametrize(
    "content",
    ["", "1,2", "a,b,c,d", "{", '{"bbox": 3}', "[1,2,3,4]", "<a", "<a/>", "1,2,3,4,EPSG:9", '<!DOCTYPE a><a crs="x"/>'],
)
def test_wrong_referenced_boxes(bench, content):
    @process
    def take(box: Annotated[BoundingBox, Input(crs=["EPSG:4326"])]) -> BoundingBox:
        return box

    failure = bench.failure(take, ("box", bench.file(content, TEXT)))
    assert (failure.kind, failure.locator) == (FailureKind.INPUT, "box")


def test_referenced_literals(bench):
    @process
    def take(number: Annotated[int, Input(maximum=50)]) -> int:
        return number

    assert bench.outputs(take, ("number", bench.file("42\n", TEXT))) == {"result": LiteralResult(value="42")}
    for content in ("51", "many", "1" * 2000000, b"\xff"):
        failure = bench.failure(take, ("number", bench.file(content, TEXT)))
        assert (failure.kind, failure.locator) == (FailureKind.INPUT, "number")


def raising(error):
    @process
    def fail(*, job: Job) -> int:
        raise error

    return fail


def test_process_errors_reach_the_client(bench, capfd):
    assert bench.failure(raising(ProcessError("No\x1b[31m such\nplace"))) == ResultFailure(
        kind=FailureKind.PROCESS, text="No [31m such place"
    )
    assert len(bench.failure(raising(ProcessError("x" * 100000))).text) == 1000
    assert bench.failure(raising(ProcessError("bad", input="distance"))) == ResultFailure(
        kind=FailureKind.INPUT, text="bad", locator="distance"
    )
    assert bench.failure(raising(ProcessError(""))).text == "The process failed and gave no reason."
    assert bench.failure(raising(WrongData("broken"))).kind is FailureKind.INPUT
    assert "Traceback" not in capfd.readouterr().err


def test_other_errors_stay_in_the_log(bench, capfd):
    failure = bench.failure(raising(ZeroDivisionError("secret /etc/path")))
    assert failure.kind is FailureKind.CRASH
    assert "job-1" in failure.text
    assert "secret" not in failure.text
    logged = capfd.readouterr().err
    assert "Traceback" in logged
    assert [line.split('"')[1] for line in logged.splitlines() if line.startswith("  File")] == [__file__]
    assert "ZeroDivisionError: secret /etc/path" in logged
    assert "job-1" in logged


def test_a_traceback_is_whole_where_the_process_had_returned(bench, capfd, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError("after it")

    monkeypatch.setattr("cloche.runner.outputs.write", broken)

    @process(version="1")
    def fine() -> int:
        """Be fine."""
        return 1

    bench.failure(fine)
    assert "runner/call.py" in capfd.readouterr().err


def test_a_job_that_heeds_its_dismissal_has_no_traceback(bench, capfd):
    @process(version="1")
    def heed(*, job: Job) -> int:
        """End when told to."""
        job.cancel()
        job.progress(1)
        return 1

    assert bench.failure(heed).text == "Job job-1 was stopped."
    assert capfd.readouterr().err == "cloche: job job-1 ended because it was asked to\n"


LIMITS = Limits(memory=2**30, file_size=256 * 2**20, open_files=64, scratch=2**31, processes=8)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (MemoryError(), "memory limit of 1 GiB exceeded"),
        (OSError(errno.ENOMEM, "no"), "memory limit of 1 GiB exceeded"),
        (OSError(errno.EFBIG, "no"), "file size limit of 256 MiB exceeded"),
        (OSError(errno.EMFILE, "no"), "open files limit of 64 exceeded"),
        (OSError(errno.ENOSPC, "no"), "work directory limit of 2 GiB exceeded"),
        (OSError(errno.EDQUOT, "no"), "work directory limit of 2 GiB exceeded"),
        (BlockingIOError(errno.EAGAIN, "no"), "process limit of 8 exceeded"),
        (RuntimeError("can't start new thread"), "process limit of 8 exceeded"),
    ],
)
def test_limits_are_named(bench, error, text):
    assert bench.failure(raising(error), limits=LIMITS) == ResultFailure(kind=FailureKind.LIMIT, text=text)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (MemoryError(), "out of memory"),
        (OSError(errno.ENOSPC, "no"), "no space left on the server"),
        (OSError(errno.EFBIG, "no"), "file size limit exceeded"),
        (OSError(errno.EMFILE, "no"), "too many open files"),
    ],
)
def test_limits_of_the_machine_are_named_too(bench, error, text):
    assert bench.failure(raising(error)).text == text


def test_a_socket_without_data_is_no_limit(bench):
    assert bench.failure(raising(BlockingIOError(errno.EAGAIN, "no"))).kind is FailureKind.CRASH


def test_wrapped_limits_are_found(bench):
    @process
    def fail() -> int:
        try:
            bytearray(1 << 62)
        except MemoryError as error:
            raise RuntimeError("library says no") from error

    assert bench.failure(fail, limits=LIMITS).text == "memory limit of 1 GiB exceeded"


def test_a_full_disk_is_cleared_for_the_result(bench):
    @process
    def fill(*, job: Job) -> int:
        bench.layout.out.mkdir()
        (bench.layout.out / "large").write_text("x")
        raise OSError(errno.ENOSPC, "full")

    assert bench.failure(fill).kind is FailureKind.LIMIT
    assert not bench.layout.out.exists()


@pytest.mark.parametrize(("code", "exit_code"), [(None, 1), (0, 1), (3, 3), ("text", 1), (999, 1)])
def test_exits_are_failures(bench, code, exit_code):
    assert bench.run(raising(SystemExit(code)))[0] == exit_code
    failure = bench.failure(raising(SystemExit(code)))
    assert (failure.kind, failure.text) == (FailureKind.CRASH, "The process exited without results in job job-1.")


@pytest.mark.parametrize(
    ("hint", "value"),
    [
        (int, "x"),
        (int, None),
        (BoundingBox, (1, 2, 3, 4)),
        (BoundingBox, BoundingBox((1, 2, 3), (4, 5, 6))),
        (Json, {"a": float("nan")}),
        (Json, object()),
        (Several, 3),
        (Several, None),
    ],
)
def test_wrong_outputs_are_the_authors_mistakes(bench, capfd, hint, value):
    def wrong():
        return value

    wrong.__annotations__["return"] = hint
    failure = bench.failure(process(wrong))
    assert failure.kind is FailureKind.CRASH
    assert "WrongOutput: output " in capfd.readouterr().err


def test_files_that_are_not_there_or_too_large(bench):
    @process
    def missing() -> File:
        return File(bench.layout.work / "none")

    @process
    def large() -> Annotated[File, Output(formats=["text/plain"], max_size=3)]:
        return "four"

    assert bench.failure(missing).text == "Output result: A process returned the path of a file that is not there"
    assert bench.failure(large).text == "Output result: it has 4 bytes, and at most 3 bytes are allowed"


def test_unknown_process_and_input(bench):
    package = Package(spec="p", processes={}, files=())

    @process
    def known() -> int:
        return 1

    assert bench.failure(known, ("other", literal("1"))).kind is FailureKind.INPUT
    assert bench.run(known)[0] == 0
    assert call.run(bench.layout, package) == 1
    assert read_record(ResultRecord, bench.layout.result).failure.text == "Process known is no longer published."


def test_without_a_request_there_is_no_result(bench):
    package = Package(spec="p", processes={}, files=())
    assert call.run(bench.layout, package) == 1
    bench.layout.request.write_text("{")
    assert call.run(bench.layout, package) == 1
    assert not bench.layout.result.exists()


def test_progress_and_context_of_a_job(bench, capfd):
    @process
    def work(*, job: Job) -> str:
        job.progress(10, "a")
        job.progress(60.9)
        job.progress(30, "back")
        job.progress(float("nan"))
        job.progress(250, "over")
        print("printed")
        return f"{job.id} {job.language} {job.workdir == bench.layout.work} {Path.cwd() == job.workdir}"

    assert bench.outputs(work, language="de")["result"].value == "job-1 de True True"
    assert [(item.percent, item.message) for item in bench.progress()] == [(10, "a"), (60, "a"), (100, "over")]


def test_logs_go_to_standard_error(bench, monkeypatch, capfd):
    import logging

    monkeypatch.setattr(logging.getLogger(), "handlers", [])

    @process
    def work(*, job: Job) -> int:
        job.log.info("half way")
        return 1

    bench.outputs(work)
    assert "INFO cloche.job: half way" in capfd.readouterr().err


def test_progress_ends_a_job_that_is_stopped(bench):
    before = signal.getsignal(signal.SIGTERM)

    @process
    def work(*, job: Job) -> int:
        os.kill(os.getpid(), signal.SIGTERM)
        job.progress(1)
        return 1

    code, result = bench.run(work)
    assert (code, result.failure.text) == (143, "Job job-1 was stopped.")
    assert signal.getsignal(signal.SIGTERM) is before


def test_code_that_asks_is_left_to_end_by_itself(bench):
    @process
    def work(*, job: Job) -> bool:
        assert not job.cancelled
        os.kill(os.getpid(), signal.SIGTERM)
        job.progress(1, "cleaning up")
        return job.cancelled

    assert bench.outputs(work)["result"].value == "true"


def test_code_without_a_job_ends_at_the_signal(bench):
    def stop(*_):
        raise SystemExit(143)

    before = signal.signal(signal.SIGTERM, stop)
    try:

        @process
        def work() -> int:
            os.kill(os.getpid(), signal.SIGTERM)
            return 1

        assert bench.run(work)[0] == 143
        assert bench.failure(work).text == "Job job-1 was stopped."
    finally:
        signal.signal(signal.SIGTERM, before)


def test_other_threads_may_call(bench):
    @process
    def work(*, job: Job) -> int:
        return 1

    results = []
    thread = threading.Thread(target=lambda: results.append(bench.run(work)[0]))
    thread.start()
    thread.join()
    assert results == [0]


def test_broken_standard_error_is_no_failure_of_its_own(bench, monkeypatch):
    @process
    def work(*, job: Job) -> int:
        sys.stderr.close()
        raise ZeroDivisionError

    with Path(os.devnull).open("w") as sink:
        monkeypatch.setattr(sys, "stderr", sink)
        assert bench.failure(work).kind is FailureKind.CRASH


def test_a_result_that_cannot_be_written_is_an_exit_code(bench):
    task = TaskRecord(job="job-1", package="p", process="work", inputs=(), outputs=(OutputRequest(id="result"),))
    write_record(bench.layout.request, task)

    @process(id="work")
    def blocked() -> int:
        bench.layout.result.mkdir()
        return 1

    assert call.run(bench.layout, Package(spec="p", processes={"work": blocked}, files=())) == 1
