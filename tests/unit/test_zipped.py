"""Zip archives from strangers."""

import io
import stat
import zipfile

import pytest

from cloche.authoring import zipped
from cloche.authoring.errors import WrongData
from cloche.authoring.zipped import unpack

SUFFIXES = frozenset({".shp", ".dbf"})


@pytest.fixture
def pack(tmp_path):
    def build(*members, compression=zipfile.ZIP_DEFLATED):
        path = tmp_path / "a.zip"
        with zipfile.ZipFile(path, "w", compression) as archive:
            for name, content in members:
                archive.writestr(name, content)
        return path

    return build


@pytest.fixture
def into(tmp_path):
    directory = tmp_path / "out"
    directory.mkdir()
    return directory


def test_wanted_members_are_unpacked_flat(pack, into):
    path = pack(
        ("deep/er/Roads.SHP", b"1"), ("deep/er/Roads.dbf", b"2"), ("readme.txt", b"x"), ("__MACOSX/._a.shp", b"x")
    )
    assert sorted(p.name for p in unpack(path, into, SUFFIXES)) == ["Roads.dbf", "Roads.shp"]
    assert sorted(p.name for p in into.iterdir()) == ["Roads.dbf", "Roads.shp"]


@pytest.mark.parametrize("name", ["../evil.shp", "/etc/evil.shp", "a/../../evil.shp", "..\\evil.shp", "C:\\evil.shp"])
def test_names_that_leave_the_archive_are_refused(name, pack, into):
    with pytest.raises(WrongData, match="outside itself"):
        unpack(pack((name, b"x")), into, SUFFIXES)
    assert not list(into.parent.rglob("evil*"))


def test_links_are_refused(pack, into):
    link = zipfile.ZipInfo("a.shp")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with pytest.raises(WrongData, match="link"):
        unpack(pack((link, b"/etc/passwd")), into, SUFFIXES)


def test_a_bomb_is_refused_before_it_fills_the_disk(pack, into, monkeypatch):
    monkeypatch.setattr(zipped, "_SMALL", 1 << 16)
    path = pack(("a.shp", b"\0" * (8 << 20)))
    with pytest.raises(WrongData, match="more than is accepted"):
        unpack(path, into, SUFFIXES)
    assert sum(p.stat().st_size for p in into.iterdir()) <= 4 << 20


def test_sizes_that_the_archive_claims_are_not_believed(pack, into, monkeypatch):
    monkeypatch.setattr(zipped, "MAX_BYTES", 1000)
    path = pack(("a.shp", b"x" * 900), ("a.dbf", b"x" * 900))
    with pytest.raises(WrongData, match="more than is accepted"):
        unpack(path, into, SUFFIXES)


def test_twins_and_crowds_are_refused(pack, into):
    with pytest.raises(WrongData, match="two members"):
        unpack(pack(("x/a.shp", b"1"), ("y/a.shp", b"2")), into, SUFFIXES)
    with pytest.raises(WrongData, match="members"):
        unpack(pack(*((f"{n}.txt", b"") for n in range(501))), into, SUFFIXES)


@pytest.mark.parametrize("cut", [10, 60, 200])
def test_damage_is_refused(cut, pack, into):
    whole = pack(("a.shp", bytes(range(256)) * 4)).read_bytes()
    into.parent.joinpath("b.zip").write_bytes(whole[:cut])
    with pytest.raises(WrongData):
        unpack(into.parent / "b.zip", into, SUFFIXES)


def test_flipped_bytes_are_refused(pack, into):
    content = bytearray(pack(("a.shp", bytes(range(256)) * 400)).read_bytes())
    content[40:60] = io.BytesIO(b"\xff" * 20).read()
    into.parent.joinpath("b.zip").write_bytes(content)
    with pytest.raises(WrongData):
        unpack(into.parent / "b.zip", into, SUFFIXES)
