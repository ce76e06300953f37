"""WPS 1.0.0 Execute requests in XML, as clients write them."""

NS = {
    "wps": "http://www.opengis.net/wps/1.0.0",
    "ows": "http://www.opengis.net/ows/1.1",
    "xlink": "http://www.w3.org/1999/xlink",
}
DECLARED = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NS.items())


def execute(inputs="", form="", process="echo", attributes='version="1.0.0"'):
    data = f"<wps:DataInputs>{inputs}</wps:DataInputs>" if inputs else ""
    form = f"<wps:ResponseForm>{form}</wps:ResponseForm>" if form else ""
    identifier = f"<ows:Identifier>{process}</ows:Identifier>"
    return f'<wps:Execute service="WPS" {attributes} {DECLARED}>{identifier}{data}{form}</wps:Execute>'


def given(id, content):
    return f"<wps:Input><ows:Identifier>{id}</ows:Identifier>{content}</wps:Input>"


def value(id, content):
    return given(id, f"<wps:Data>{content}</wps:Data>")


def inline(content, attributes=""):
    return value("data", f"<wps:ComplexData {attributes}>{content}</wps:ComplexData>")


def document(*outputs, attributes=""):
    wanted = "".join(item if item.startswith("<") else output(item) for item in outputs)
    return f"<wps:ResponseDocument {attributes}>{wanted}</wps:ResponseDocument>"


def output(id, attributes=""):
    return f"<wps:Output {attributes}><ows:Identifier>{id}</ows:Identifier></wps:Output>"


def raw(id, attributes=""):
    return f"<wps:RawDataOutput {attributes}><ows:Identifier>{id}</ows:Identifier></wps:RawDataOutput>"
