"""What draft 2.0 of OGC API - Processes has in other ways, with the profile that serves it, and without."""

import json
from dataclasses import replace

import pytest

from cloche.model.data import LiteralData, Output
from cloche.model.execute import Response
from cloche.model.formats import Format
from cloche.model.process import Group
from cloche.model.state import State
from cloche.ports.store import Query
from cloche.protocols import ogcapi
from ogcapi_house import ALL, ASYNC, ONE, SYNC, URL, House, assert_valid, fails

OGC = "http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0"
CONFIG = ogcapi.OgcApiConfig(url=URL, languages=("en-US",), draft=True, small_bytes=1000)
PROFILE = '<http://www.opengis.net/def/profile/OGC/0/ogc-results>; rel="profile"'
LARGE = "x" * 2000
DEEP = replace(ONE, id="deep", inputs=(Group(id="in", title="In", parameters=ALL.inputs[:2]),), outputs=ALL.outputs[:1])


@pytest.fixture
def house(tmp_path):
    made = House(tmp_path, config=CONFIG, descriptions=(ALL, ONE, SYNC, ASYNC, DEEP))
    yield made
    made.close()


@pytest.fixture
def plain(tmp_path):
    made = House(tmp_path, config=replace(CONFIG, draft=False))
    yield made
    made.close()


def refused(standards, answer, status, type):
    found = assert_valid(standards, answer, "exception", status)
    assert found["type"] == f"{OGC}/{type}"
    return found


# --- executing ---


def test_several_outputs_are_a_document(house, standards):
    answer = house.run("all", {"text": "a", "count": 5}, outputs={"text": {}, "count": {}})
    assert assert_valid(standards, answer, "draft2.0:results") == {"text": "a", "count": 5}
    assert answer.headers["link"] == PROFILE
    raw = house.run("all", {"text": "a", "count": 5}, outputs={"text": {}, "count": {}}, response="raw")
    assert raw.headers["content-type"].startswith("multipart/related")


def test_one_output_is_negotiated(house):
    wanted = {"outputs": {"words": {}}}
    given = {"words": {"value": "<a/>", "mediaType": "text/xml"}}
    formats = {"*/*": "text/plain", "text/xml": "text/xml", "text/plain, text/xml;q=0.5": "text/plain"}
    for accept, kind in formats.items():
        answer = house.run("all", given, headers={"accept": accept}, **wanted)
        assert answer.headers["content-type"] == kind, accept
    said = {"outputs": {"words": {"format": {"mediaType": "text/plain"}}}}
    assert house.run("all", given, headers={"accept": "text/xml"}, **said).headers["content-type"] == "text/plain"


def test_no_outputs_are_an_answer_too(house, standards):
    answer = house.run("all", {"text": "a"}, outputs={})
    assert (answer.status_code, answer.content) == (204, b"")
    job = house.start("all", {"text": "a"}, outputs={})
    done = house.await_end(job)
    assert (done.state, done.request.response, done.outputs) == (State.SUCCEEDED, Response.NONE, ())
    refused(standards, house.get(f"/jobs/{job}/results"), 404, "result-not-available")


def test_large_values_are_links_unless_they_are_wanted(house, standards):
    body = {"outputs": {"words": {}, "text": {}}}
    for prefer, inline in {"": False, "return=minimal": False, "return=representation": True}.items():
        answer = house.run("all", {"words": LARGE, "text": "a"}, headers={"prefer": prefer}, **body)
        words = assert_valid(standards, answer, "draft2.0:results")["words"]
        assert ("value" in words, "href" in words) == (inline, not inline), prefer
        assert house.get(words["href"]).text == LARGE if not inline else words["value"] == LARGE
        assert answer.headers.get("preference-applied", "") == prefer


def test_results_are_selected(house, standards):
    job = house.start("all", {"text": "a", "count": 5, "flag": True})
    house.await_end(job)
    found = assert_valid(standards, house.get(f"/jobs/{job}/results?outputs=text,flag"), "draft2.0:results")
    assert found == {"text": "a", "flag": True}
    refused(standards, house.get(f"/jobs/{job}/results?outputs=text,nothing"), 400, "no-such-output")
    refused(standards, house.get(f"/jobs/{job}/results/nothing"), 400, "no-such-output")
    assert house.get(f"/jobs/{job}/results/text").text == "a"


def test_exceptions_have_types_of_their_own(house, standards):
    refused(standards, house.run("all", {}, outputs={"nothing": {}}), 400, "no-such-output")
    refused(standards, house.get("/jobs?limit=x"), 400, "invalid-query-parameter-value")
    refused(standards, house.get("/jobs/x"), 404, "no-such-job")


def test_status_has_both_sets_of_fields(house, standards):
    house.play = fails(text="it broke")
    job = house.start("async")
    house.await_end(job)
    found = assert_valid(standards, house.get(f"/jobs/{job}"), "draft2.0:statusInfo")
    assert_valid(standards, house.get(f"/jobs/{job}"), "statusInfo")
    assert (found["id"], found["jobID"], found["processingEntityType"]) == (job, job, "ogc-api-processes")
    assert found["process"] == f"{URL}/processes/async"
    assert found["exception"]["detail"] == "it broke"
    assert_valid(standards, house.get("/jobs"), "draft2.0:jobList")


def test_conformance_and_profiles(house, standards):
    names = assert_valid(standards, house.get("/conformance"), "confClasses")["conformsTo"]
    core = "http://www.opengis.net/spec/ogcapi-processes-1/{}/conf/core"
    assert {core.format("1.0"), core.format("2.0"), core.format("2.0").replace("core", "kvp-execute")} <= {*names}
    answer = house.get("/processes/all")
    assert "ogc-process-description" in answer.headers["link"]
    assert_valid(standards, answer, "draft2.0:processSummary")
    paths = house.get("/api").json()["paths"]
    parameters = {item["name"] for item in paths["/processes/all/execution"]["get"]["parameters"]}
    assert {"text", "box", "Prefer"} <= parameters


# --- in the query string ---


def query(house, process, pairs, **headers):
    return house.client.get(f"/processes/{process}/execution", params=pairs, headers=headers)


def test_every_kind_of_input(house):
    pairs = {
        "TEXT": "a,b",
        "count": "5",
        "length": "2.5",
        "flag": "true",
        "day": "2024-01-02",
        "box": "1,2,3,4",
        "box[crs]": "EPSG:4326",
        "document": '{"a": [1]}',
        "words[value]": "<a/>",
        "words[mediaType]": "text/xml",
        "features": '[{"type": "FeatureCollection", "features": []}]',
    }
    wanted = {f"{name}[include]": "true" for name in ("text", "count", "length", "flag", "day", "box", "document")}
    answer = query(house, "all", pairs | wanted)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["text"], found["count"], found["flag"], found["day"]) == ("a", 5, True, "2024-01-02")
    assert found["document"]["value"] == {"a": [1]}
    assert found["box"]["value"]["bbox"] == [1, 2, 3, 4]
    request = next(iter(house.service.jobs(Query(limit=1)))).request
    assert [item.data.value for item in request.inputs if item.id == "text"] == ["a", "b"]
    assert [item.data.format.media_type for item in request.inputs if item.id == "words"] == ["text/xml"]


def test_formats_and_preferences_of_the_answer(house):
    pairs = {"words": "<a/>", "words[include]": "true", "words[mediaType]": "text/xml"}
    assert query(house, "all", pairs).headers["content-type"] == "text/xml"
    chosen = {"words": "<a/>", "words[include]": "true", "response[f]": "text/xml"}
    assert query(house, "all", chosen).headers["content-type"] == "text/xml"
    answer = query(house, "one", {"n": "1", "response[prefer]": "respond-async"})
    assert (answer.status_code, answer.headers["preference-applied"]) == (201, "respond-async")
    assert query(house, "one", {"n": "1"}, prefer="respond-async").status_code == 201


def test_inputs_in_inputs_and_links(house):
    def play(house, job):
        house.end(job, State.SUCCEEDED, outputs=(Output(id="text", data=LiteralData(value="done")),))

    house.play = play
    assert query(house, "deep", {"in": '{"text": "a", "count": 5}'}).text == "done"
    pairs = {"words[href]": "http://example.org/a", "words[type]": "text/xml", "text[include]": "true"}
    assert query(house, "all", pairs).status_code == 200
    (data,) = [i.data for i in next(iter(house.service.jobs(Query(limit=1)))).request.inputs if i.id == "words"]
    assert (data.href, data.format) == ("http://example.org/a", Format(media_type="text/xml"))


@pytest.mark.parametrize(
    ("pairs", "words"),
    [
        ([("nothing", "1")], "neither an input nor an output"),
        ([("count", "5"), ("Count", "6")], "more than once"),
        ([("count", "5"), ("count", "6")], "more than once"),
        ([("a[b", "6")], "no name of an input"),
        ([("count", "five")], "count"),
        ([("box", "1,2,x,4")], "box"),
        ([("cube[crs]", "EPSG:4979"), ("cube[include]", "x")], ""),
    ],
)
def test_wrong_queries_are_refused_in_words(house, pairs, words):
    answer = query(house, "all", pairs)
    if not words:  # an output of the same name was meant, and not chosen
        assert answer.status_code == 200
        return
    assert answer.status_code == 400
    assert words in answer.json()["detail"]


def test_head_executes_nothing(house):
    assert house.client.head("/processes/one/execution?n=1").status_code == 405
    assert not house.service.jobs(Query(limit=1))


# --- without the profile ---


def test_version_1_0_stays_as_it_is(plain, standards):
    answer = plain.run("all", {"text": "a", "count": 5}, outputs={"text": {}, "count": {}})
    assert answer.headers["content-type"].startswith("multipart/related")
    assert "link" not in answer.headers
    job = plain.start("all", {"words": LARGE, "text": "a"}, outputs={}, response="document")
    assert plain.await_end(job).outputs
    assert plain.get(f"/jobs/{job}/results?outputs=text").json()["words"]["value"] == LARGE
    assert plain.get(f"/jobs/{job}/results/nothing").status_code == 404
    assert not {"id", "processingEntityType", "process"} & plain.get(f"/jobs/{job}").json().keys()
    assert not any("/2.0/" in name for name in plain.get("/conformance").json()["conformsTo"])
    assert plain.client.get("/processes/one/execution?n=1").status_code == 405
    assert "get" not in json.loads(plain.get("/api").content)["paths"]["/processes/one/execution"]
