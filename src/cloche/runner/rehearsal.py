"""What a slot does while it waits: it goes through the motions of its task.

Memory of a fork is copied page by page when it is first touched. Code that has run once before the order came runs five
times as fast when it counts.
"""

import json

from cloche.jobdir.layout import Layout
from cloche.jobdir.orders import Letter, Order
from cloche.jobdir.records import ExitRecord, FileResult, LiteralResult, ResultOutput, ResultRecord, TaskRecord
from cloche.model.codec import decode, dump, encode
from cloche.model.data import ComplexData, Input, LiteralData
from cloche.model.execute import OutputRequest
from cloche.model.formats import Format
from cloche.model.job import Usage
from cloche.model.limits import Limits
from cloche.runner import usage
from cloche.runner.breaches import Seen, breach
from cloche.runner.disk import DiskWatch

_FORMAT = Format(media_type="application/json")
LIMITS = Limits(
    memory=1, cpus=1.0, cpu_time=1.0, processes=1, run_time=1.0, queue_time=1.0, file_size=1, output_size=1, outputs=1,
    open_files=1, scratch=1, log_size=1, free_space=1,
)  # fmt: skip
"""All there are."""
_TASK = json.dumps(
    encode(
        TaskRecord(
            job="job",
            package="package",
            process="process",
            inputs=(
                Input(id="literal", data=LiteralData(value="1", datatype="double")),
                Input(id="complex", data=ComplexData(file="file", format=_FORMAT, size=1)),
            ),
            outputs=(OutputRequest(id="result", format=_FORMAT),),
            limits=LIMITS,
        )
    )
)
_RESULT = ResultRecord(
    outputs=(
        ResultOutput(id="literal", value=LiteralResult(value="1")),
        ResultOutput(id="complex", value=FileResult(file="file", format=_FORMAT)),
    )
)
_ORDER = Order(limits=LIMITS).dump()
_LETTER = Letter(jobdir="/", limits=LIMITS).dump()


def of_execution(layout: Layout) -> None:
    """Read a letter and a request, make a result; all in memory."""
    Letter.load(_LETTER)
    decode(TaskRecord, json.loads(_TASK))
    dump(_RESULT)
    for path in (layout.request, layout.inputs, layout.result, layout.progress):
        path.parent.joinpath(path.name)


def of_supervisor() -> None:
    """Read an order, look at a disk, judge an end."""
    Order.load(_ORDER)
    DiskWatch("/", LIMITS, list)
    usage.cpu_s(())
    seen = Seen(code=1)
    record = ExitRecord(ok=False, code=1, breach=breach(LIMITS, seen), usage=Usage(cpu_s=0.1, wall_s=0.1))
    json.dumps({"ok": record.ok, "code": record.code, "usage": {"wall_s": record.usage.wall_s}})
