"""Results over HTTP."""

from datetime import UTC, datetime

import pytest

from cloche.model.formats import Format
from cloche.model.state import State
from cloche.protocols._http import safe
from wps_house import House, hold

CONTENT = bytes(range(256)) * 20


@pytest.fixture
def house(tmp_path):
    return House(tmp_path)


def finished(house, media_type="image/tiff", name="out.tif", state=State.SUCCEEDED):
    house.play = hold
    house.get("service=WPS&version=1.0.0&request=Execute&identifier=bare&storeExecuteResponse=true")
    (job,) = house.jobs
    stored = house.store_output(job, "out", CONTENT, Format(media_type=media_type), name)
    house.move(job, state, outputs=(stored,), finished=datetime.now(UTC))
    return f"/outputs/{job.id}/{name}"


def test_a_result_is_sent_as_what_it_is(house):
    answer = house.client.get(finished(house))
    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert answer.headers["content-type"] == "image/tiff"
    assert answer.headers["content-length"] == str(len(CONTENT))
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-disposition"] == 'inline; filename="out.tif"'
    assert "sandbox" in answer.headers["content-security-policy"]


def test_head_and_other_methods(house):
    path = finished(house)
    answer = house.client.head(path)
    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", str(len(CONTENT)))
    answer = house.client.delete(path)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


def test_ranges(house):
    path = finished(house)
    etag = house.client.get(path).headers["etag"]
    answer = house.client.get(path, headers={"range": "bytes=10-19"})
    assert (answer.status_code, answer.content) == (206, CONTENT[10:20])
    assert answer.headers["content-range"] == f"bytes 10-19/{len(CONTENT)}"
    answer = house.client.get(path, headers={"range": "bytes=-5", "if-range": etag})
    assert answer.content == CONTENT[-5:]
    assert house.client.get(path, headers={"range": "bytes=0-1", "if-range": '"other"'}).content == CONTENT
    assert house.client.get(path, headers={"range": "bytes=99999-"}).status_code == 416


def test_validators(house):
    path = finished(house)
    etag = house.client.get(path).headers["etag"]
    for condition in (etag, f'W/"x", {etag}', "*"):
        answer = house.client.get(path, headers={"if-none-match": condition})
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", etag)
    assert house.client.get(path, headers={"if-none-match": '"x"'}).status_code == 200


def test_storage_without_files_sends_chunks(house, monkeypatch):
    path = finished(house)
    monkeypatch.setattr(house.storage, "path", lambda job, name: None)
    answer = house.client.get(path)
    assert (answer.content, answer.headers["content-length"]) == (CONTENT, str(len(CONTENT)))


@pytest.mark.parametrize("path", ["/outputs/none/out.tif", "/outputs/{job}/other", "/outputs/{job}/..%2Fx"])
def test_what_is_not_there(house, path):
    job = finished(house).split("/")[2]
    answer = house.client.get(path.format(job=job))
    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/plain; charset=utf-8")


def test_nothing_before_the_end(house):
    assert house.client.get(finished(house, state=State.RUNNING)).status_code == 404


@pytest.mark.parametrize(
    ("media_type", "disposition"),
    [
        ("text/html; charset=utf-8", "attachment"),
        ("application/xhtml+xml", "attachment"),
        ("image/svg+xml", "attachment"),
        ("application/pdf", "attachment"),
        ("text/javascript", "attachment"),
        ("image/png", "inline"),
        ("text/xml; subtype=gml/3.1.1", "inline"),
        ("application/gml+xml", "inline"),
        ("application/json", "inline"),
        ("", "inline"),
    ],
)
def test_what_a_browser_would_run_is_downloaded(media_type, disposition):
    found = dict(safe.headers(media_type, "a"))
    assert found[b"content-disposition"].decode() == f'{disposition}; filename="a"'
    assert b"script" not in found[b"content-security-policy"]


def test_file_names_cannot_break_the_header():
    value = dict(safe.headers("image/png", 'ü"\r\n; x.png'))[b"content-disposition"].decode()
    assert value == "inline; filename=\"______x.png\"; filename*=UTF-8''%C3%BC%22%0D%0A%3B%20x.png"
