"""Encodings undone in pieces of any size."""

import base64
import gzip
import io
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloche.engine.decoders import PIECE, Base64, Gunzip, GunzipOnce, Malformed, Receiver
from cloche.model.errors import SizeExceeded


def receive(data, *decoders, cut=7, cap=None):
    file = io.BytesIO()
    receiver = Receiver(file, decoders, cap)
    for start in range(0, len(data), cut):
        receiver.write(data[start : start + cut])
    assert receiver.finish() == len(file.getvalue())
    return file.getvalue()


@given(st.binary(max_size=500), st.integers(1, 50))
def test_what_was_encoded_comes_back(data, cut):
    assert receive(data, cut=cut) == data
    assert receive(gzip.compress(data), Gunzip(), cut=cut) == data
    assert receive(gzip.compress(data), GunzipOnce(), cut=cut) == data
    assert receive(base64.b64encode(data), Base64(), cut=cut) == data
    assert receive(base64.encodebytes(data), Base64(), cut=cut) == data
    assert receive(base64.b64encode(gzip.compress(data)), Base64(), Gunzip(), cut=cut) == data


@given(st.lists(st.binary(max_size=50), min_size=1, max_size=5), st.integers(1, 50))
def test_members_of_gzip_are_joined_and_padding_is_dropped(parts, cut):
    data = b"".join(gzip.compress(part) for part in parts) + bytes(100)
    assert receive(data, Gunzip(), cut=cut) == b"".join(parts)


@given(st.binary(max_size=100), st.integers(1, 20))
def test_any_bytes_are_decoded_or_refused(data, cut):
    for decoder in (Gunzip(), GunzipOnce(), Base64()):
        with suppress(Malformed):
            receive(data, decoder, cut=cut)


def test_what_is_not_gzip_passes_only_where_the_transport_undid_it():
    assert receive(b"plain text", GunzipOnce()) == b"plain text"
    with pytest.raises(Malformed, match="not gzip"):
        receive(b"plain text", Gunzip())


@pytest.mark.parametrize("kind", [Gunzip, GunzipOnce])
def test_cut_gzip_is_refused(kind):
    whole = gzip.compress(b"some data" * 100)
    for length in (0, 1, 5, len(whole) - 1):
        with pytest.raises(Malformed, match="cut off"):
            receive(whole[:length], kind())


@pytest.mark.parametrize("text", [b"QUJ", b"QUJD=", b"QQ==QUJD", b"QU\xc3JD", b"QU-_", b"=QUJ", b"Q=JD", b"Q"])
@pytest.mark.parametrize("cut", [1, 4, 100])
def test_wrong_base64_is_refused(text, cut):
    with pytest.raises(Malformed, match="base64"):
        receive(text, Base64(), cut=cut)


def test_the_cap_is_exact():
    assert receive(b"12345", cap=5) == b"12345"
    with pytest.raises(SizeExceeded, match="5 bytes"):
        receive(b"123456", cap=5)


def test_a_bomb_is_stopped_at_the_cap():
    file = io.BytesIO()
    bomb = gzip.compress(bytes(50 << 20), 9)
    receiver = Receiver(file, [Gunzip()], 1 << 20)
    with pytest.raises(SizeExceeded):
        receiver.write(bomb)
    assert file.tell() <= 1 << 20


def test_a_bomb_in_a_bomb_is_stopped_too():
    bomb = gzip.compress(gzip.compress(bytes(50 << 20), 9), 9)
    receiver = Receiver(io.BytesIO(), [Gunzip(), Gunzip()], 1 << 20)
    with pytest.raises(SizeExceeded):
        receiver.write(bomb)


def test_encoded_data_that_yields_nothing_does_not_flow_for_ever():
    receiver = Receiver(io.BytesIO(), [Base64()], 1000)
    receiver.write(b" " * PIECE)
    with pytest.raises(SizeExceeded):
        receiver.write(b" " * 2 * PIECE)


def test_an_announced_length_is_weighed_at_once():
    receiver = Receiver(io.BytesIO(), [], 10)
    receiver.expect(None)
    receiver.expect(10)
    with pytest.raises(SizeExceeded):
        receiver.expect(11)
    Receiver(io.BytesIO(), [Base64()], 10).expect(11)
