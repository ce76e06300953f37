"""The other peer: the same sum as a pygeoapi processor."""

from pygeoapi.process.base import BaseProcessor

NUMBER = {"schema": {"type": "number"}, "minOccurs": 1, "maxOccurs": 1}
METADATA = {
    "id": "add",
    "version": "1.0.0",
    "title": {"en": "Add"},
    "description": {"en": "Add."},
    "jobControlOptions": ["sync-execute", "async-execute"],
    "inputs": {"a": {"title": "First", **NUMBER}, "b": {"title": "Second", **NUMBER}},
    "outputs": {"total": {"title": "Sum", "schema": {"type": "number"}}},
    "example": {"inputs": {"a": 1.5, "b": 2.25}},
}


class Add(BaseProcessor):
    """Adds."""

    def __init__(self, definition):
        super().__init__(definition, METADATA)

    def execute(self, data, outputs=None):
        return "application/json", {"id": "total", "value": data["a"] + data["b"]}
