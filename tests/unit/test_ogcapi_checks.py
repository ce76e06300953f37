"""Inputs against their JSON Schema."""

import json

import pytest

from cloche.model.domains import ComplexDomain
from cloche.model.formats import Format
from cloche.model.process import Parameter
from cloche.protocols.ogcapi.checks import Check
from cloche.protocols.ogcapi.problems import Refused


def check(schema):
    formats = (Format(media_type="application/json"),)
    return Check(Parameter(id="a", title="A", domain=ComplexDomain(formats=formats, json_schema=json.dumps(schema))))


def test_every_fault_is_placed():
    with pytest.raises(Refused) as caught:
        check({"type": "array", "items": {"type": "integer"}})([1, "x", 2, None], ("a",))
    assert [fault.pointer for fault in caught.value.problem.faults] == ["#/inputs/a/1", "#/inputs/a/3"]


def test_faults_are_not_endless():
    with pytest.raises(Refused) as caught:
        check({"items": {"type": "integer"}})(["x"] * 1000, ("a",))
    assert len(caught.value.problem.faults) == 20


@pytest.mark.parametrize("reference", ["http://127.0.0.1:9/schema.json", "#/$defs/nowhere"])
def test_references_that_lead_nowhere_refuse_nothing_and_fetch_nothing(reference):
    found = check({"properties": {"b": {"$ref": reference}}})
    found({"b": 1}, ("a",))
    assert found.accepts({"b": 1}) is True


def test_a_schema_that_is_none_is_not_used():
    assert check({"type": 5}).accepts(1) is None
