"""Each protocol's words for a job's way, and what its answers mean."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from bench.soak.http import Answer, Line

_XML = {"Content-Type": "text/xml"}
_JSON = {"Content-Type": "application/json"}
_EXECUTE2 = """<wps:Execute xmlns:wps="http://www.opengis.net/wps/2.0" xmlns:ows="http://www.opengis.net/ows/2.0"
 service="WPS" version="2.0.0" response="document" mode="{mode}"><ows:Identifier>{process}</ows:Identifier>
 <wps:Input id="text"><wps:Data>{text}</wps:Data></wps:Input><wps:Input id="seconds"><wps:Data>{seconds}</wps:Data>
 </wps:Input><wps:Output id="text" transmission="value"/><wps:Output id="file" transmission="value"/></wps:Execute>"""


class Odd(Exception):
    """An answer that makes no sense: the text says which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to execute; ``waits``: the answer is to be the result."""

    process: str
    text: str
    seconds: float
    waits: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Tongue:
    """``execute(line, request)``; ``wish(line, word, job)``; ``result(line, job)``.

    ``job`` finds the job's identifier in the answer to an asynchronous request.
    """

    name: str
    execute: Callable[[Line, Request], Answer]
    wish: Callable[[Line, str, str], Answer]
    result: Callable[[Line, str], Answer]
    job: Callable[[Answer], str]


def _execute1(line: Line, asked: Request) -> Answer:
    stored = "false" if asked.waits else "true"
    inputs = quote(f"text={asked.text};seconds={asked.seconds}")
    return line.ask(
        "GET",
        f"/wps?service=WPS&version=1.0.0&request=Execute&identifier={asked.process}&DataInputs={inputs}"
        f"&ResponseDocument=text;file&storeExecuteResponse={stored}&status={stored}",
    )


def _execute2(line: Line, asked: Request) -> Answer:
    body = _EXECUTE2.format(
        mode="sync" if asked.waits else "async", process=asked.process, text=asked.text, seconds=asked.seconds
    )
    return line.ask("POST", "/wps", body.encode(), _XML)


def _execute_ogc(line: Line, asked: Request) -> Answer:
    outputs = {name: {"transmissionMode": "value"} for name in ("text", "file")}
    body = {"inputs": {"text": asked.text, "seconds": asked.seconds}, "outputs": outputs, "response": "document"}
    headers = _JSON if asked.waits else _JSON | {"Prefer": "respond-async"}
    return line.ask("POST", f"/processes/{asked.process}/execution", json.dumps(body).encode(), headers)


def _wish2(line: Line, word: str, job: str) -> Answer:
    return line.ask("GET", f"/wps?service=WPS&version=2.0.0&request={word.title()}&JobID={job}")


def _wish_ogc(line: Line, word: str, job: str) -> Answer:
    if word == "dismiss":
        return line.ask("DELETE", f"/jobs/{job}")
    return line.ask("POST", f"/jobs/{job}/{word}")


def _found(pattern: str) -> Callable[[Answer], str]:
    def find(answer: Answer) -> str:
        found = re.search(pattern, answer.text)
        if answer.status not in (200, 201) or found is None:
            raise Odd(f"no job in {answer}")
        return found[1]

    return find


TONGUES = (
    # WPS 1.0.0 has no words for wishes: the same job is spoken of in another protocol
    Tongue(
        name="WPS 1.0.0",
        execute=_execute1,
        wish=_wish_ogc,
        result=lambda line, job: line.ask("GET", f"/wps/jobs/{job}"),
        job=_found(r'statusLocation="[^"]*/jobs/([0-9a-zA-Z-]+)'),
    ),
    Tongue(
        name="WPS 2.0",
        execute=_execute2,
        wish=_wish2,
        result=lambda line, job: line.ask("GET", f"/wps?service=WPS&version=2.0.0&request=GetResult&JobID={job}"),
        job=_found(r"<wps:JobID>([^<]+)"),
    ),
    Tongue(
        name="OGC API",
        execute=_execute_ogc,
        wish=_wish_ogc,
        result=lambda line, job: line.ask("GET", f"/jobs/{job}/results"),
        job=_found(r'"jobID": ?"([^"]+)'),
    ),
)
