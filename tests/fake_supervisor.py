"""A supervisor and its process in one: fake_supervisor JOBDIR. Keeps the contract of the job directory, has no walls.

The process counts its runs (inputs: ``text``, ``seconds`` to take) and writes a literal and a file.
"""

import fcntl
import os
import sys
import time
from pathlib import Path

from cloche.jobdir.files import read_record, write_record
from cloche.jobdir.layout import Layout
from cloche.jobdir.records import ExitRecord, FileResult, LiteralResult, ResultOutput, ResultRecord, TaskRecord
from cloche.model.data import LiteralData
from cloche.model.formats import Format


def main(jobdir: str) -> int:
    layout = Layout(Path(jobdir))
    lock = os.open(layout.lock, os.O_RDWR | os.O_CREAT)
    fcntl.lockf(lock, fcntl.LOCK_EX)
    try:
        os.close(os.open(layout.started, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return 1
    with (layout.root.parent.parent / "runs.txt").open("a") as runs:
        runs.write(f"{layout.root.name}\n")
    task = read_record(TaskRecord, layout.request)
    assert task is not None
    values = {given.id: given.data.value for given in task.inputs if isinstance(given.data, LiteralData)}
    time.sleep(float(values.get("seconds", "0")))
    (layout.out / "file.txt").write_text(values["text"])
    file = FileResult(file="file.txt", format=Format(media_type="text/plain"))
    literal = LiteralResult(value=values["text"])
    outputs = (ResultOutput(id="text", value=literal), ResultOutput(id="file", value=file))
    write_record(layout.result, ResultRecord(outputs=outputs))
    write_record(layout.exit, ExitRecord(ok=True, code=0))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
