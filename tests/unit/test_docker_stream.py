"""Attached streams: frames of any size, lines over their bounds."""

import socket
import struct
from collections.abc import Iterator

import pytest

from cloche.executors.docker.stream import Attached


def frame(data: bytes, kind: int = 1) -> bytes:
    return struct.pack(">BxxxI", kind, len(data)) + data


@pytest.fixture
def ends() -> Iterator[tuple[Attached, socket.socket]]:
    ours, theirs = socket.socketpair()
    attached = Attached(ours)
    with theirs:
        yield attached, theirs
    attached.close()


def test_lines_come_whole_however_they_were_cut(ends):
    attached, theirs = ends
    for byte in frame(b"rea") + frame(b"dy\nsta") + frame(b"rted\n"):
        theirs.send(bytes([byte]))
    assert attached.line(5) == b"ready"
    assert attached.line(5) == b"started"


def test_silence_is_no_line_and_no_end(ends):
    attached, theirs = ends
    theirs.send(frame(b"half"))
    assert attached.line(0.05) is None
    assert attached.alive()
    theirs.send(frame(b" and half\n"))
    assert attached.line(5) == b"half and half"


def test_the_end_is_an_empty_line_and_what_was_said_is_kept(ends):
    attached, theirs = ends
    theirs.send(frame(b"Traceback: it broke\n", kind=2))
    theirs.close()
    assert attached.line(5) == b""
    assert not attached.alive()
    assert attached.said() == "Traceback: it broke"


def test_everything_until_the_end(ends):
    attached, theirs = ends
    theirs.send(frame(b"[1,") + frame(b"noise", kind=2) + frame(b"2]"))
    theirs.close()
    assert attached.rest(5) == b"[1,2]"


def test_no_end_in_time_is_told(ends):
    attached, theirs = ends
    theirs.send(frame(b"[1,"))
    assert attached.rest(0.05) is None


def test_an_order_arrives(ends):
    attached, theirs = ends
    attached.send(b"order\n")
    assert theirs.recv(100) == b"order\n"
    attached.close()
    assert theirs.recv(100) == b""
