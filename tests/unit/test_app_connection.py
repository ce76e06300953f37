"""Clients that never finish what they begin."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from cloche.app import connection

PATIENCE = 5.0


async def answer(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers at once, whatever of the body has come."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setattr(connection, "HEAD_S", 0.3)
    config = uvicorn.Config(answer, http=connection.Connection, ws="none", lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield listener.getsockname()[1]
        server.should_exit = True
        thread.join()


@pytest.fixture
def client(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as client:
        yield client


def ended(client: socket.socket) -> bytes:
    """What came until the server closed the connection."""
    received = bytearray()
    try:
        while piece := client.recv(1 << 16):
            received += piece
    except ConnectionResetError:
        pass
    return bytes(received)


@pytest.mark.parametrize("beginning", [b"", b"\r\n", b"GET / HTTP/1.1\r\nHost: x\r\nX-Slo"])
def test_a_head_that_does_not_come_ends_the_connection(client: socket.socket, beginning: bytes) -> None:
    client.sendall(beginning)
    assert ended(client) == b""


@pytest.mark.parametrize(
    "request_", [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"]
)
@pytest.mark.parametrize("more", [b"\r\n", b"GET"])
def test_the_next_request_must_come_as_well(client: socket.socket, request_: bytes, more: bytes) -> None:
    client.sendall(request_)
    assert b"ok" in client.recv(1 << 16)
    client.sendall(more)
    assert ended(client) == b""


@pytest.mark.parametrize("piece", [b"X-Large: " + b"x" * 4000 + b"\r\n", b"x" * 4000, b"\r\n" * 2000])
def test_a_head_has_a_size(client: socket.socket, monkeypatch: pytest.MonkeyPatch, piece: bytes) -> None:
    monkeypatch.setattr(connection, "HEAD_S", 60.0)
    client.sendall(b"" if piece == b"\r\n" * 2000 else b"GET / HTTP/1.1\r\nHost: x\r\nX-First: ")
    try:
        for _ in range(1000):
            client.sendall(piece)
            time.sleep(0.0005)
    except OSError:
        return
    pytest.fail("four million bytes of head were taken")


def test_many_requests_on_one_connection_are_answered(client: socket.socket) -> None:
    head = b"GET / HTTP/1.1\r\nHost: x\r\nX-Some: " + b"x" * 30000 + b"\r\n\r\n"
    for _ in range(4):
        client.sendall(head)
        assert b"ok" in client.recv(1 << 16)
        time.sleep(0.1)
    large = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n" + bytes(3_000_000)
    client.sendall(large + b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert ended(client).count(b"ok") == 2
