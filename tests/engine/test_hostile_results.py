"""Results that no runner wrote: refused as such, never as an error of the server."""

import pytest

from cloche.jobdir.files import write_record
from cloche.jobdir.records import ExitRecord
from cloche.model.job import FailureKind
from cloche.model.state import State
from engines import House

HUGE = f"1{'0' * 400}"
BOX = '{"outputs":[{"id":"text","value":{"$type":"BoundingBoxResult","lower":[HUGE],"upper":[2],"crs":""}}]}'


@pytest.mark.parametrize("ok", [True, False])
@pytest.mark.parametrize(
    "text",
    [
        '{"outputs":[{"id":"text","value":{"$type":["a"]}}]}',
        '{"outputs":[{"id":"text","value":{"$type":{}}}]}',
        '{"failure":{"$type":[],"kind":"crash","text":""}}',
        BOX.replace("HUGE", HUGE),
    ],
)
def test_a_hostile_result_is_no_internal_error(house: House, text: str, ok: bool) -> None:
    house.open()
    job = house.submit()
    house.until(job, State.RUNNING)
    house.layout(job).result.write_text(text)
    write_record(house.layout(job).exit, ExitRecord(ok=ok, code=0 if ok else 1))
    house.executor.vanish(job)
    failure = house.ended(job).failure
    assert failure is not None
    assert failure.kind is FailureKind.CRASH
    assert failure.text == ("The process left no valid result." if ok else "The process ended with exit code 1.")
