"""The dress rehearsal of a zygote: the way of its executions, many times over, where nothing comes of it.

The interpreter makes code that runs often faster, and remembers where it has found what. Forks inherit that; what they
learn themselves goes with them.
"""

import contextlib
import json
import os
import signal
from pathlib import Path

from cloche.authoring.declaration import process
from cloche.authoring.process import Process
from cloche.jobdir.files import parse_record, read_record, write_record
from cloche.jobdir.layout import Layout
from cloche.jobdir.records import TaskRecord
from cloche.model.codec import encode
from cloche.model.data import Input, LiteralData
from cloche.model.execute import OutputRequest
from cloche.runner import call, rehearsal, termination
from cloche.runner.package import Package
from cloche.runner.walls import kernel, landlock, raising

_TIMES = 20  # code is made faster after eight runs, and at its own pace from then on
_NOWHERE = "/proc/self/nowhere"
_LAYOUT = Layout(Path(_NOWHERE))


def _add(a: float, b: float = 1.0) -> float:
    """Add."""
    return a + b


_ADD: Process[..., object] = process(version="1")(_add)
_PACKAGE = Package(spec="", processes={_ADD.description.id: _ADD}, files=())
_REQUEST = json.dumps(
    encode(
        TaskRecord(
            job="job",
            package="package",
            process=_ADD.description.id,
            inputs=tuple(Input(id=name, data=LiteralData(value="1.5", datatype="double")) for name in "ab"),
            outputs=(OutputRequest(id=_ADD.description.outputs[0].id),),
            limits=rehearsal.LIMITS,
        )
    )
).encode()


def rehearse(walls: raising.Walls) -> None:
    """Leaves this process as it was: nothing is mounted, limited or enforced, no file is written."""
    for _ in range(_TIMES):
        rehearsal.of_execution(_LAYOUT)
        _reach_for(walls)
        _execute()


def _reach_for(walls: raising.Walls) -> None:
    """Make the calls that raise walls where there is nothing to be raised."""
    with contextlib.suppress(OSError):
        kernel.mount("nothing", _NOWHERE, "tmpfs", kernel.MS_NODEV, "size=4k")
    with contextlib.suppress(OSError):
        kernel.bind(_NOWHERE, _NOWHERE, recursive=False)
    with contextlib.suppress(OSError):
        kernel.set_attributes(_NOWHERE, kernel.MS_RDONLY, recursive=False)
    if walls.rules:
        rules = landlock.Rules(walls.abi, network=walls.network)
        rules.add(walls.rules)
        rules.allow_reading("/", _NOWHERE)
        rules.allow_writing("/")
        os.close(rules.descriptor)  # never enforced
    signal.signal(signal.SIGTERM, termination.heed(lambda: None))


def _execute() -> None:
    """Request in, result out, as ``call.run`` does it with files."""
    task = parse_record(TaskRecord, _REQUEST, name="request")
    read_record(TaskRecord, _LAYOUT.request)
    record = call.execute(task, _LAYOUT, _PACKAGE)
    with contextlib.suppress(OSError):
        write_record(_LAYOUT.result, record)
