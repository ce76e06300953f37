"""OGC API: landing page, conformance, API definition, process list and descriptions, in JSON and HTML."""

from html.parser import HTMLParser

import pytest

from cloche.protocols.ogcapi import OgcApiConfig
from ogcapi_house import ALL, URL, House, assert_valid, problem, shipped

REL = "http://www.opengis.net/def/rel/ogc/1.0"


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    made = House(tmp_path_factory.mktemp("house"))
    yield made
    made.close()


class Page(HTMLParser):
    """All text and all targets of links of a page; every element that is opened is closed."""

    VOID = frozenset({"meta", "br", "link", "img", "input"})

    def __init__(self, text):
        super().__init__()
        self.text, self.links, self.open = "", [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.links += [value for name, value in attributes if tag == "a" and name == "href"]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        while self.open.pop() != tag:
            assert self.open, tag

    def handle_data(self, data):
        self.text += data


def links(found):
    return {link["rel"]: link["href"] for link in found["links"]}


def test_the_landing_page_leads_everywhere(house, standards):
    found = links(assert_valid(standards, house.get("/"), "landingPage"))
    assert {"self", "alternate", "service-desc", "service-doc"} <= set(found)
    assert {f"{REL}/conformance", f"{REL}/processes", f"{REL}/job-list"} <= set(found)
    for href in found.values():
        assert house.get(href.removeprefix(URL)).status_code == 200, href


def test_conformance_lists_the_classes(house, standards):
    found = assert_valid(standards, house.get("/conformance"), "confClasses")["conformsTo"]
    base = "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/"
    names = ["core", "ogc-process-description", "json", "html", "oas30", "job-list", "callback", "dismiss"]
    assert found == [base + name for name in names]


def test_callbacks_that_are_not_served_are_not_claimed(tmp_path):
    house = House(tmp_path, config=OgcApiConfig(url=URL, callbacks=False))
    assert not any("callback" in name for name in house.get("/conformance").json()["conformsTo"])
    house.close()


def test_processes_are_listed_in_pages(house, standards):
    found = assert_valid(standards, house.get("/processes"), "processList")
    assert [process["id"] for process in found["processes"]] == ["all", "async", "one", "sync"]
    seen, path = [], "/processes?limit=3"
    pages = []
    while path:
        found = assert_valid(standards, house.get(path), "processList")
        pages.append(found)
        seen += [process["id"] for process in found["processes"]]
        path = links(found).get("next", "").removeprefix(URL)
    assert seen == ["all", "async", "one", "sync"]
    assert [len(page["processes"]) for page in pages] == [3, 1]
    back = house.get(links(pages[1])["prev"].removeprefix(URL)).json()
    assert back["processes"] == pages[0]["processes"]
    assert "prev" not in links(pages[0])


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=10001", "limit=x", "limit=-1", "limit=1&limit=2", "offset=-1", "f=xml"]
)
def test_wrong_pages_are_refused(house, standards, query):
    problem(standards, house.get(f"/processes?{query}"), 400, "InvalidParameterValue")


def test_limit_alone_is_no_error(house):
    assert house.get("/processes?limit=1").json()["processes"][0]["id"] == "all"


@pytest.mark.parametrize("process", ["all", "one", "sync", "async"])
def test_descriptions_validate(house, standards, process):
    found = assert_valid(standards, house.get(f"/processes/{process}"), "process")
    assert links(found)[f"{REL}/execute"] == f"{URL}/processes/{process}/execution"


def test_schemas_say_what_is_taken(house):
    found = house.get("/processes/all").json()["inputs"]
    schemas = {name: item["schema"] for name, item in found.items()}
    assert schemas["text"] == {"type": "string"}
    assert schemas["count"] == {"type": "integer", "minimum": 0, "maximum": 100, "multipleOf": 5}
    number = {"type": "number", "minimum": 0, "exclusiveMinimum": True, "maximum": 10}
    unit = {"type": "string", "enum": ["metre", "feet"]}
    measured = {
        "type": "object", "required": ["measurement", "uom"], "properties": {"measurement": number, "uom": unit},
    }  # fmt: skip
    assert schemas["length"] == {"oneOf": [number, measured], "default": 1}
    assert schemas["choice"] == {"type": "string", "enum": ["small", "large"]}
    assert schemas["when"] == {"type": "string", "format": "date-time"}
    box = schemas["box"]["allOf"]
    assert box[0] == {"format": "ogc-bbox"}
    assert box[1]["properties"]["crs"]["enum"][1] == "http://www.opengis.net/def/crs/EPSG/0/4326"
    assert schemas["cube"]["allOf"][1]["properties"]["bbox"]["minItems"] == 6
    assert schemas["features"]["oneOf"][0]["format"] == "geojson-feature-collection"
    assert schemas["features"]["oneOf"][1] == {"type": "string", "contentMediaType": "text/xml"}
    assert schemas["document"] == {"contentMediaType": "application/json"}
    assert schemas["picture"]["contentEncoding"] == "binary"
    assert found["text"]["maxOccurs"] == "unbounded"
    assert (found["text"]["minOccurs"], found["features"]["maxOccurs"]) == (0, 3)
    assert found["features"]["additionalParameters"]["parameters"] == [{"name": "maximumBytes", "value": ["1048576"]}]


def test_the_echo_of_the_conformance_suite_is_described_as_it_wants(tmp_path, standards):
    import json

    house = House(tmp_path, descriptions=shipped())
    found = assert_valid(standards, house.get("/processes/EchoProcess"), "process")
    wanted = json.loads((standards / "echo" / "EchoProcess.ogcapi.json").read_text())
    exact = {"minItems": 4, "maxItems": 4}  # where the yardstick also allows six numbers
    for parameters in (wanted["inputs"], wanted["outputs"]):
        corners = parameters["boundingBox"]["schema"]["allOf"][1]["properties"]
        del corners["bbox"]["oneOf"]
        corners["bbox"] |= exact
        corners["crs"]["enum"] = [corners["crs"]["default"]]
    for name in (
        "id",
        "title",
        "version",
        "description",
        "keywords",
        "jobControlOptions",
        "outputTransmission",
        "inputs",
    ):
        assert found[name] == wanted[name], name
    assert {name: item["schema"] for name, item in found["outputs"].items()} == {
        name: item["schema"] for name, item in wanted["outputs"].items()
    }
    house.close()


def test_descriptions_come_in_the_language_asked_for(house):
    found = house.get("/processes/all", **{"accept-language": "de, en;q=0.5"})
    assert found.json()["title"] == "Alles"
    assert found.headers["content-language"] == "de"
    assert house.get("/processes/all").json()["title"] == "Everything"


def test_unknown_processes(house, standards):
    for path in ("/processes/none", "/processes/a/b", "/processes/none%2Fx", "/processes/none/execution/more"):
        problem(standards, house.get(path), 404, "no-such-process")
    answer = house.client.post("/processes/none/execution", json={})
    problem(standards, answer, 404, "no-such-process")


@pytest.mark.parametrize("path", ["/", "/conformance", "/api", "/processes", "/processes/all", "/jobs"])
def test_only_get_and_head(house, standards, path):
    answer = house.client.put(path)
    problem(standards, answer, 405)
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS"
    assert house.client.options(path).status_code == 204
    head = house.client.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert int(head.headers["content-length"]) == len(house.get(path).content)


@pytest.mark.parametrize("path", ["/", "/conformance", "/api", "/processes", "/processes/all"])
def test_what_did_not_change_is_not_sent_again(house, path):
    first = house.get(path)
    tag = first.headers["etag"]
    again = house.get(path, **{"if-none-match": f'"other", {tag}'})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == tag
    assert house.get(path, accept="text/html").headers["etag"] != tag


def test_a_new_catalogue_is_seen_at_once(tmp_path):
    house = House(tmp_path)
    tag = house.get("/processes").headers["etag"]
    house.catalog.descriptions = house.catalog.descriptions[:1]
    house.catalog.number += 1
    answer = house.get("/processes", **{"if-none-match": tag})
    assert [process["id"] for process in answer.json()["processes"]] == ["all"]
    house.close()


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html"),
        ("application/json", "application/json"),
        ("application/json;q=0.5, text/html", "text/html"),
        ("text/*", "text/html"),
        ("application/*, text/html;q=0.9", "application/json"),
    ],
)
def test_representations_are_negotiated(house, accept, kind):
    assert house.get("/processes/all", accept=accept).headers["content-type"].partition(";")[0] == kind


def test_f_wins_over_accept(house):
    assert "text/html" in house.get("/processes?f=html", accept="application/json").headers["content-type"]
    assert house.get("/processes?f=json", accept="text/html").json()


def test_nothing_acceptable(house, standards):
    problem(standards, house.get("/processes", accept="image/png, text/html;q=0"), 406)


@pytest.mark.parametrize("path", ["/", "/conformance", "/api", "/processes", "/processes/all", "/jobs"])
def test_pages_show_everything_that_the_json_says(house, path):
    page = house.get(path, accept="text/html")
    assert page.status_code == 200
    assert "default-src 'none'" in page.headers["content-security-policy"]
    shown = Page(page.text)
    found = house.get(path).json()
    for link in found.get("links", ()):
        # a link of a page to itself may say which form it means
        assert any(link["href"].partition("?")[0] in target for target in shown.links), link
    assert not any(target.startswith("javascript") for target in shown.links)


def test_the_page_of_a_process_is_complete_and_escaped(house):
    text = house.get("/processes/all?f=html").text
    shown = Page(text).text
    assert "Gives back <all> it is given." in shown
    assert "<all>" not in text
    for item in ALL.inputs:
        assert item.id in shown
    for words in ("Everything", "2.1.0", "sync-execute", "more than 0 up to 10", "one of small, large", "bounding box"):
        assert words in shown, words
    assert "http://example.org/?a=1&amp;b=2" in text


def test_errors_are_pages_for_people(house):
    answer = house.get("/processes/<script>", accept="text/html")
    assert answer.status_code == 404
    assert "<script>" not in answer.text
    assert "No such process" in Page(answer.text).text


def references(found):
    if isinstance(found, dict):
        yield from (found["$ref"],) if "$ref" in found else ()
        for item in found.values():
            yield from references(item)
    elif isinstance(found, list):
        for item in found:
            yield from references(item)


def test_the_api_definition_is_complete_and_refers_to_nothing(house):
    answer = house.get("/api")
    assert answer.headers["content-type"] == "application/vnd.oai.openapi+json;version=3.0"
    found = answer.json()
    assert found["openapi"].startswith("3.0.")
    assert list(references(found)) == []
    paths = set(found["paths"])
    assert {"/", "/conformance", "/api", "/processes", "/jobs", "/jobs/{jobID}", "/jobs/{jobID}/results"} <= paths
    assert {f"/processes/{name}/execution" for name in ("all", "one", "sync", "async")} <= paths
    assert house.get("/api", accept="application/json").headers["content-type"] == "application/json"


def test_the_api_definition_is_openapi(house):
    from schemathesis.openapi import from_dict

    operations = [operation.ok() for operation in from_dict(house.get("/api").json()).get_all_operations()]
    assert len(operations) == 18
    identifiers = [operation.definition.raw["operationId"] for operation in operations]
    assert len(set(identifiers)) == len(identifiers)
