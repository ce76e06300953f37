"""Jobs for tests."""

import uuid
from datetime import UTC, datetime
from typing import Any

from cloche.model.data import Input, LiteralData
from cloche.model.execute import Execute, OutputRequest
from cloche.model.job import Job
from cloche.model.limits import Limits


def literal(name: str, value: str) -> Input:
    return Input(id=name, data=LiteralData(value=value, datatype="string"))


def a_request(process: str = "echo", **changes: Any) -> Execute:
    given: dict[str, Any] = {
        "process": process,
        "inputs": (literal("text", "hello"),),
        "outputs": (OutputRequest(id="text"),),
        "protocol": "wps1",
    }
    return Execute(**given | changes)


def a_job(process: str = "echo", **changes: Any) -> Job:
    now = datetime.now(UTC)
    given: dict[str, Any] = {
        "id": uuid.uuid4().hex,
        "process": process,
        "process_version": "1.0",
        "package": "tests",
        "executor": "fake",
        "request": a_request(process),
        "limits": Limits(),
        "created": now,
        "updated": now,
    }
    return Job(**given | changes)
