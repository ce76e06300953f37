"""Inputs that a request with lineage keeps beside its results."""

import pytest

from cloche.model.data import ComplexData, Input, LiteralData, ReferenceData
from cloche.model.errors import MissingInput, NoSuchInput, NoSuchJob, NotEnoughStorage
from cloche.model.execute import Execute
from cloche.model.formats import Format
from wps_house import XML, House, hold

ANY = Format(media_type="")


@pytest.fixture
def house(tmp_path):
    house = House(tmp_path)
    house.play = hold
    return house


def submit(house, *, lineage=True, process="echo"):
    intake = house.service.intake()
    (intake.path / "a").write_bytes(b"<a/>" * 100)
    (intake.path / "body").write_bytes(b"<q/>")
    inputs = (
        Input(id="text", data=LiteralData(value="t")),
        Input(id="data", data=ComplexData(file="a", format=XML, size=400)),
        Input(
            id="data", data=ReferenceData(href="http://h/", format=Format(media_type=""), method="POST", body="body")
        ),
    )
    return house.service.submit(Execute(process=process, inputs=inputs, lineage=lineage), intake)


def stored(house):
    return sorted(item.name for item in house.root.glob("results/*/*"))


def test_inline_inputs_and_bodies_outlive_the_job_directory(house):
    job = submit(house)
    assert house.input(job, "a") == b"<a/>" * 100
    house.dirs.remove(job.id)
    assert b"".join(house.service.read_input(job.id, "a")) == b"<a/>" * 100
    assert b"".join(house.service.read_input(job.id, "body")) == b"<q/>"


def test_nothing_is_kept_without_lineage(house):
    job = submit(house, lineage=False)
    assert stored(house) == []
    with pytest.raises(NoSuchInput):
        house.service.read_input(job.id, "a")


def test_only_inputs_of_the_job_are_handed_out(house):
    job = submit(house)
    for name in ("b", "../a", "", "input~a"):
        with pytest.raises(NoSuchInput):
            house.service.read_input(job.id, name)
    with pytest.raises(NoSuchJob):
        house.service.read_input("none", "a")
    house.storage.delete(job.id)
    with pytest.raises(NoSuchInput):
        house.service.read_input(job.id, "a")


def test_a_refused_request_leaves_nothing(house, monkeypatch):
    with pytest.raises((MissingInput, NoSuchInput)):
        submit(house, process="strict")
    house.store.full = True
    with pytest.raises(Exception, match="no slot"):
        submit(house)
    monkeypatch.setattr(house.storage, "put", _full)
    with pytest.raises(NotEnoughStorage):
        submit(house)
    assert stored(house) == []
    assert not list((house.root / "intake").iterdir())


def _full(*_arguments, **_named):
    raise NotEnoughStorage("full")
