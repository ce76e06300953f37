"""Answers are packed where that is worth it, and pages of other origins may read them where the operator says so."""

import gzip

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from cloche.app.compression import Compression

LARGE = b"[" + b"1," * 5000 + b"1]"


def client(answer):
    app = Starlette(routes=[Route("/", lambda _: answer)], middleware=[Middleware(Compression)])
    return TestClient(app)


def raw(answer, encoding="gzip", method="GET"):
    with client(answer).stream(method, "/", headers={"accept-encoding": encoding}) as got:
        return got, b"".join(got.iter_raw())


def test_text_is_packed():
    got, body = raw(Response(LARGE, media_type="application/json"))
    assert got.headers["content-encoding"] == "gzip"
    assert got.headers["vary"] == "accept-encoding"
    assert int(got.headers["content-length"]) == len(body) < len(LARGE) / 10
    assert gzip.decompress(body) == LARGE


@pytest.mark.parametrize(
    "answer",
    [
        JSONResponse([1]),
        Response(LARGE, media_type="image/tiff"),
        Response(b"1" * (2 << 20), media_type="text/plain"),
        Response(LARGE, media_type="text/plain", headers={"content-encoding": "br"}),
        Response(LARGE, 206, media_type="text/plain", headers={"content-range": "bytes 0-1/3"}),
        StreamingResponse(iter((LARGE, LARGE)), media_type="text/plain"),
        StreamingResponse(iter((LARGE,)), media_type="text/event-stream"),
    ],
)
def test_what_is_small_large_binary_or_streamed_is_left_alone(answer):
    got, _ = raw(answer)
    assert got.headers.get("content-encoding") != "gzip"


def test_who_does_not_ask_gets_plain_bytes():
    got, body = raw(Response(LARGE, media_type="text/plain"), "identity")
    assert ("content-encoding" in got.headers, body) == (False, LARGE)


def test_one_answer_may_be_sent_many_times():
    answer = Response(LARGE, media_type="text/plain")
    first, _ = raw(answer)
    again, body = raw(answer, "identity")
    assert first.headers["content-encoding"] == "gzip"
    assert ("content-encoding" in again.headers, body) == (False, LARGE)
