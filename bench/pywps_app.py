"""The peer: PyWPS with the two processes of the benchmark, as its documentation would have them."""

import os
from pathlib import Path

from pywps import ComplexInput, Format, LiteralInput, LiteralOutput, Process, Service


class Add(Process):
    def __init__(self):
        inputs = [LiteralInput("a", "First", data_type="float"), LiteralInput("b", "Second", data_type="float")]
        outputs = [LiteralOutput("total", "Sum", data_type="float")]
        super().__init__(
            self.handle, "add", "Add", version="1.0.0", inputs=inputs, outputs=outputs, store_supported=True,
            status_supported=True,
        )  # fmt: skip

    def handle(self, request, response):
        response.outputs["total"].data = request.inputs["a"][0].data + request.inputs["b"][0].data
        return response


class Measure(Process):
    def __init__(self):
        inputs = [ComplexInput("document", "Document", supported_formats=[Format("application/gml+xml")])]
        outputs = [LiteralOutput("size", "Bytes", data_type="integer")]
        super().__init__(self.handle, "measure", "Measure", version="1.0.0", inputs=inputs, outputs=outputs)

    def handle(self, request, response):
        response.outputs["size"].data = Path(request.inputs["document"][0].file).stat().st_size
        return response


application = Service([Add(), Measure()], [os.environ["PYWPS_CFG"]])
