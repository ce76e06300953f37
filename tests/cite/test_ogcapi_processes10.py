"""The tests of OGC's suite for OGC API - Processes Part 1 (ets-ogcapi-processes10 1.3), done again.

Same requests, same demands, same names: the suite's schemas are taken literally, ``oneOf`` and all. The released jar is
run by ``run.py`` where it can be had; this is for where it cannot.
"""

import base64
import email
import http.client
import json
import threading
import time
import urllib.parse
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import yaml
from jsonschema import Draft4Validator

import live

ECHO = "EchoProcess"
JSON = "application/json"
OGC = "http://www.opengis.net/def"
EXCEPTIONS = f"{OGC}/exceptions/ogcapi-processes-1/1.0"
RESULTS = f"{OGC}/rel/ogc/1.0/results"
CLASSES = "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf"
LIMIT = 5
"""``processtestlimit``"""
POLLS, POLL_S = 4, 5
"""All that the suite ever waits for a job."""
SETTINGS = """
[server]
parallelprocesses = 12
[references]
allowedhosts = ["127.0.0.1"]
"""


@dataclass(frozen=True)
class Answer:
    """An exchange as the suite sees it."""

    version: int
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def text(self):
        return self.body.decode("utf-8", "replace")


class Suite:
    """The service under test, what its echo says of itself, and the suite's own schemas."""

    def __init__(self, iut, standards, tiff):
        self.iut = iut
        self.tiff = tiff
        self.picture = (standards / "cite/files/ets-ogcapi-processes10/testgeotiff.tiff").read_bytes()
        definition = (standards / "ogcapi/ets-api-processes10.yaml").read_text("utf-8")
        self._schemas = {"components": yaml.load(definition, yaml.CSafeLoader)["components"]}
        self.echo = self.get(f"/processes/{ECHO}").json

    def get(self, path, accept=JSON):
        return self._send("GET", path, None, {"Accept": accept} if accept else {})

    def post(self, body, *, prefer=None, process=ECHO):
        headers = {"Accept": JSON, "Content-Type": JSON} | ({"Prefer": prefer} if prefer else {})
        return self._send("POST", f"/processes/{process}/execution", json.dumps(body).encode(), headers)

    def _send(self, method, path, body, headers):
        parts = urllib.parse.urlsplit(path if "://" in path else self.iut + path)
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
        try:
            connection.request(method, urllib.parse.urlunsplit(("", "", *parts[2:])) or "/", body, headers)
            answer = connection.getresponse()
            return Answer(answer.version, answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def check(self, answer, schema):
        """The document, which must be what ``schema`` of the suite says."""
        found = answer.json
        validator = Draft4Validator(self._schemas | {"$ref": f"#/components/schemas/{schema}"})
        assert [error.message for error in validator.iter_errors(found)] == []
        return found

    def body(self, outputs=None, **inputs):
        """Inputs made from the description as the suite makes them: the first text, and every object."""
        given = {"echo": "teststring", "mixed": {"value": "teststring"}} | inputs
        names = self.echo["outputs"] if outputs is None else outputs
        return {"inputs": given, "outputs": {name: {"transmissionMode": "value"} for name in names}}

    def begun(self, body):
        """A job that was begun asynchronously, by its address."""
        answer = self.post(body, prefer="respond-async")
        assert answer.status == 201
        self.check(answer, "statusInfo")
        return answer.headers["Location"]


@pytest.fixture(scope="module")
def tiff(standards):
    """A host with a picture, as the suite's is on GitHub; its address."""
    picture = (standards / "cite/files/ets-ogcapi-processes10/testgeotiff.tiff").read_bytes()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "application/octet-stream")
            self.end_headers()
            self.wfile.write(picture)

        def log_message(self, *_):
            pass

    host = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=host.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{host.server_port}/testgeotiff.tiff"
    host.shutdown()
    thread.join()
    host.server_close()


@pytest.fixture(scope="module")
def suite(standards, tiff):
    with live.home() as folder:
        running = live.start(folder, SETTINGS, demo=True)
        yield Suite(running.url, standards, tiff)
        running.end()


# --- landing page, conformance, processes ---


def test_http(suite):
    assert suite.get("/").version == 11


def test_landing_page_retrieval(suite):
    answer = suite.get("/")
    assert answer.status == 200
    rels = {link["rel"] for link in answer.json["links"]}
    assert rels & {"service-desc", "service-doc"}
    for name in ("conformance", "processes"):
        assert rels & {name, f"{OGC}/rel/ogc/1.0/{name}"}


def test_landing_page_validation(suite):
    suite.check(suite.get("/"), "landingPage")


def test_validate_conformance_operation_and_response(suite):
    answer = suite.get("/conformance")
    assert answer.status == 200
    assert f"{CLASSES}/core" in suite.check(answer, "confClasses")["conformsTo"]


def test_pl_limit_definition(suite):
    assert suite.get(f"/processes?limit={LIMIT}").status == 200


def test_pl_limit_response(suite):
    assert len(suite.get("/processes?limit=1").json["processes"]) == 1


def test_pl_links(suite):
    assert isinstance(suite.get("/processes?limit=1").json["links"], list)


def test_process_list(suite):
    answer = suite.get("/processes")
    assert answer.status == 200
    assert answer.json["processes"]


def test_process_list_success(suite):
    suite.check(suite.get("/processes"), "processList")


def test_process_exception_no_such_process(suite):
    answer = suite.get("/processes/invalid-process-00000000-0000-0000-0000-000000000000")
    assert answer.status == 404
    assert suite.check(answer, "exception")["type"] == f"{EXCEPTIONS}/no-such-process"


def test_process(suite):
    assert suite.get(f"/processes/{ECHO}").status == 200


def test_process_success(suite):
    assert suite.check(suite.get(f"/processes/{ECHO}"), "process")["id"] == ECHO


def test_every_process_is_described(suite):
    """``testallprocesses``: the suite has the argument and does not use it."""
    for process in suite.get("/processes?limit=1000").json["processes"]:
        suite.check(suite.get(f"/processes/{process['id']}"), "process")


# --- OGC process description ---


def test_ogc_process_description_json(suite):
    suite.check(suite.get(f"/processes/{ECHO}"), "process")


@pytest.mark.parametrize("kind", ["inputs", "outputs"])
def test_inputs_def_outputs_def(suite, kind):
    assert suite.echo[kind]
    assert isinstance(suite.echo[kind], dict)


@pytest.mark.parametrize("kind", ["inputs", "outputs"])
def test_input_def_output_def(suite, kind):
    assert all("schema" in description for description in suite.echo[kind].values())


@pytest.mark.parametrize("kind", ["inputs", "outputs"])
def test_definition_of_mixed_type(suite, kind):
    mixed = [item["schema"]["oneOf"] for item in suite.echo[kind].values() if "oneOf" in item["schema"]]
    assert mixed, "the suite skips here"
    assert all(isinstance(branch, dict) for branches in mixed for branch in branches)


# --- execution ---


def test_job_creation_auto_execution_mode(suite):
    assert suite.post(suite.body(), prefer="respond-async").status == 201


def test_job_creation_default_execution_mode(suite):
    assert "sync-execute" in suite.echo["jobControlOptions"]
    assert suite.post(suite.body()).status == 200


def test_job_creation_default_outputs(suite):
    body = suite.body()
    del body["outputs"]
    assert suite.post(body).status == 200


def test_job_creation_input_array(suite):
    answer = suite.post(suite.body(["array"], array=[1, 2, 3]))
    assert (answer.status, answer.json) == (200, [1, 2, 3])


def test_job_creation_input_inline_bbox(suite):
    box = {"bbox": [51.9, 7, 52, 7.1], "crs": f"{OGC}/crs/OGC/1.3/CRS84"}
    answer = suite.post(suite.body(["boundingBox"], boundingBox=box))
    assert (answer.status, answer.json) == (200, box)


def test_job_creation_input_inline_binary(suite):
    image = {
        "value": base64.b64encode(suite.picture).decode(),
        "format": {"mediaType": "image/tiff; application=geotiff", "encoding": "base64"},
    }
    assert suite.post(suite.body(image=image)).status == 200


@pytest.mark.parametrize("method", ["InlineMixed", "InlineObject", "Inline", "Inputs"])
def test_job_creation_input_inline(suite, method):
    """Four methods that send the same."""
    assert suite.post(suite.body()).status == 200


def test_job_creation_input_ref(suite):
    image = {"href": suite.tiff, "format": {"mediaType": "image/tiff; application=geotiff"}}
    answer = suite.post(suite.body(image=image))
    assert answer.status == 200
    kind = answer.headers["Content-Type"]
    assert kind.startswith("multipart/related")
    message = email.message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + answer.body)
    assert any("teststring" in part.get_payload() for part in message.get_payload())
    assert any(part.get_payload(decode=True) == suite.picture for part in message.get_payload())


def test_job_creation_input_validation(suite):
    assert suite.post(suite.body()).status == 200
    wrong = {"type": "wrong/type_00000000-0000-0000-0000-000000000000"}
    answer = suite.post(suite.body(mixed=wrong, image=wrong))
    assert answer.status in (400, 500)
    assert answer.headers["Content-Type"] == JSON
    suite.check(answer, "exception")


@pytest.mark.parametrize("method", ["JobCreationOp", "JobCreationRequest", "JobCreationSuccessAsync", "JobSuccess"])
def test_job_creation_success_async(suite, method):
    """Four methods that send the same; the job is asked for without Accept."""
    info = suite.check(suite.get(suite.begun(suite.body()), accept=None), "statusInfo")
    assert None not in info.values()
    assert {"jobID", "status", "type"} <= info.keys()


def test_job_creation_sync_document(suite):
    answer = suite.post(suite.body() | {"response": "document"})
    assert answer.status == 200
    assert answer.json["echo"] == "teststring"


@pytest.mark.parametrize("method", ["MixedMulti", "Ref", "ValueMulti"])
def test_job_creation_sync_raw(suite, method):
    """The suite never really asks for the references."""
    assert suite.post(suite.body() | {"response": "raw"}).status == 200


def test_job_creation_sync_raw_value_one(suite):
    answer = suite.post(suite.body(["echo"]) | {"response": "raw"})
    assert answer.status == 200
    assert "teststring" in answer.text


# --- jobs ---


@pytest.mark.parametrize("path", ["/jobs/{0}", "/jobs/{0}/results"])
def test_job_exception_no_such_job(suite, path):
    """Also testJobResultsNoSuchJob."""
    answer = suite.get(path.format("invalid-job-00000000-0000-0000-0000-000000000000"))
    assert answer.status == 404
    assert suite.check(answer, "exception")["type"] == f"{EXCEPTIONS}/no-such-job"


def test_job_op(suite):
    assert suite.post(suite.body()).status in (200, 201)


def test_job_results_exception_results_not_ready(suite):
    body = {
        "inputs": {"echo": "teststring", "pause": 5},
        "outputs": {"echo": {"transmissionMode": "value"}},
        "response": "raw",
    }
    location = suite.begun(body)
    suite.check(suite.get(location), "statusInfo")
    answer = suite.get(f"{location}/results")
    assert answer.status == 404
    assert suite.check(answer, "exception")["type"] == f"{EXCEPTIONS}/result-not-ready"


def test_job_results_failed(suite):
    answer = suite.post({"invalid-execute-request": "true)"})
    assert answer.status > 200
    suite.check(answer, "exception")


@pytest.mark.parametrize("response", [None, "document"])
def test_job_results_async_document(suite, response):
    """Also testJobResults."""
    location = suite.begun(suite.body() | ({"response": response} if response else {}))
    suite.check(suite.get(location), "statusInfo")


@pytest.mark.parametrize("method", ["MixedMulti", "Ref", "ValueMulti"])
def test_job_results_async_raw(suite, method):
    suite.check(suite.get(suite.begun(suite.body() | {"response": "raw"})), "statusInfo")


def test_job_results_async_raw_value_one(suite):
    """The suite follows links, and has patience for four polls only."""
    info = suite.get(suite.begun(suite.body(["echo"]) | {"response": "raw"})).json
    for _ in range(POLLS):
        links = {link["rel"]: link["href"] for link in info["links"]}
        if RESULTS in links:
            break
        time.sleep(POLL_S)
        info = suite.get(links.get("monitor") or links["status"]).json
    assert "teststring" in suite.get(links[RESULTS]).text


def test_job_results_sync(suite):
    answer = suite.post(suite.body())
    assert answer.status == 200
    assert "Link" not in answer.headers


def test_job_list(suite):
    suite.begun(suite.body())
    answer = suite.get("/jobs")
    assert answer.status == 200
    assert answer.json["jobs"]


def test_job_list_success(suite):
    suite.check(suite.get("/jobs"), "jobList")
