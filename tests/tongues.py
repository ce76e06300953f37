"""The same few things said in each protocol, for scenarios that must not depend on which.

Every tongue has ``run`` (wait for the result), ``begin`` (a job's identifier), ``state`` (open, succeeded, failed or
gone), ``result`` (values by output) and, but for WPS 1.0.0, ``stop``. Inputs are literals by name; those named in
``xml`` are complex data.
"""

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from urllib.parse import quote
from xml.sax.saxutils import escape

from lxml import etree

WPS1 = {"wps": "http://www.opengis.net/wps/1.0.0", "ows": "http://www.opengis.net/ows/1.1"}
WPS2 = {
    "wps": "http://www.opengis.net/wps/2.0",
    "ows": "http://www.opengis.net/ows/2.0",
    "xlink": "http://www.w3.org/1999/xlink",
}


class Refused(Exception):
    """The server has said no: status and what it said."""

    def __init__(self, status, text):
        super().__init__(f"{status}: {text}")
        self.status = status
        self.text = text


def fetch(address, body=None, method=None, **headers):
    """Body and headers of the answer. Raises Refused."""
    data = body.encode() if isinstance(body, str) else body
    request = urllib.request.Request(address, data=data, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read(), answer.headers
    except urllib.error.HTTPError as refusal:
        with refusal:
            raise Refused(refusal.code, refusal.read().decode()) from None


def declared(namespaces):
    return " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in namespaces.items())


@dataclass(frozen=True)
class Wps1:
    """WPS 1.0.0."""

    url: str

    def run(self, process, inputs, outputs, **options):
        return self._outputs(self._execute(process, inputs, outputs, store="false", **options))

    def begin(self, process, inputs, outputs, **options):
        root = self._execute(process, inputs, outputs, store="true", **options)
        return root.get("statusLocation").rpartition("/")[2]

    def state(self, job):
        try:
            status = self._document(job).find("wps:Status", WPS1)[0]
        except Refused as refusal:
            return gone(refusal, "404")
        found = {"ProcessSucceeded": "succeeded", "ProcessFailed": "failed"}
        return found.get(etree.QName(status).localname, "open")

    def result(self, job):
        return self._outputs(self._document(job))

    def _document(self, job):
        return etree.fromstring(fetch(f"{self.url}/wps/jobs/{job}")[0])

    def _execute(self, process, inputs, outputs, *, store, xml=(), reference=()):
        given = "".join(
            f"<wps:Input><ows:Identifier>{name}</ows:Identifier><wps:Data>"
            + (
                f"<wps:ComplexData>{value}</wps:ComplexData>"
                if name in xml
                else f"<wps:LiteralData>{escape(value)}</wps:LiteralData>"
            )
            + "</wps:Data></wps:Input>"
            for name, value in inputs.items()
        )
        wanted = "".join(
            f'<wps:Output asReference="{str(name in reference).lower()}">'
            f"<ows:Identifier>{name}</ows:Identifier></wps:Output>"
            for name in outputs
        )
        form = f'<wps:ResponseDocument storeExecuteResponse="{store}" status="{store}">{wanted}</wps:ResponseDocument>'
        body = (
            f'<wps:Execute service="WPS" version="1.0.0" {declared(WPS1)}><ows:Identifier>{process}</ows:Identifier>'
            f"<wps:DataInputs>{given}</wps:DataInputs><wps:ResponseForm>{form}</wps:ResponseForm></wps:Execute>"
        )
        return etree.fromstring(fetch(f"{self.url}/wps", body)[0])

    def _outputs(self, root):
        if root.find("wps:Status/wps:ProcessFailed", WPS1) is not None:
            raise Refused(200, "".join(root.itertext()))
        return {item.findtext("ows:Identifier", namespaces=WPS1): self._value(item) for item in root.iter("{*}Output")}

    def _value(self, item):
        reference = item.find("wps:Reference", WPS1)
        if reference is not None:
            return text_of(etree.fromstring(fetch(reference.get("href"))[0]))
        return text_of(item.find("wps:Data", WPS1))


@dataclass(frozen=True)
class Wps2:
    """WPS 2.0."""

    url: str

    def run(self, process, inputs, outputs, **options):
        return self._outputs(self._execute(process, inputs, outputs, mode="sync", **options))

    def begin(self, process, inputs, outputs, **options):
        return self._execute(process, inputs, outputs, mode="async", **options).findtext("wps:JobID", namespaces=WPS2)

    def state(self, job):
        try:
            status = self._ask("GetStatus", job).findtext("wps:Status", namespaces=WPS2)
        except Refused as refusal:
            return gone(refusal, "NoSuchJob")
        return {"Succeeded": "succeeded", "Failed": "failed"}.get(status, "open")

    def result(self, job):
        return self._outputs(self._ask("GetResult", job))

    def stop(self, job):
        assert self._ask("Dismiss", job).findtext("wps:Status", namespaces=WPS2) == "Dismissed"

    def _ask(self, operation, job):
        query = f"service=WPS&version=2.0.0&request={operation}&jobID={job}"
        return etree.fromstring(fetch(f"{self.url}/wps?{query}")[0])

    def _execute(self, process, inputs, outputs, *, mode, xml=(), reference=()):
        given = "".join(
            f'<wps:Input id="{name}"><wps:Data>{value if name in xml else escape(value)}</wps:Data></wps:Input>'
            for name, value in inputs.items()
        )
        wanted = "".join(
            f'<wps:Output id="{name}" transmission="{"reference" if name in reference else "value"}"/>'
            for name in outputs
        )
        body = (
            f'<wps:Execute service="WPS" version="2.0.0" mode="{mode}" response="document" {declared(WPS2)}>'
            f"<ows:Identifier>{process}</ows:Identifier>{given}{wanted}</wps:Execute>"
        )
        return etree.fromstring(fetch(f"{self.url}/wps", body)[0])

    def _outputs(self, root):
        return {item.get("id"): self._value(item) for item in root.iterfind("wps:Output", WPS2)}

    def _value(self, item):
        reference = item.find("wps:Reference", WPS2)
        if reference is not None:
            return text_of(etree.fromstring(fetch(reference.get("{http://www.w3.org/1999/xlink}href"))[0]))
        return text_of(item.find("wps:Data", WPS2))


@dataclass(frozen=True)
class OgcApi:
    """OGC API - Processes."""

    url: str

    def run(self, process, inputs, outputs, **options):
        return self._outputs(self._execute(process, inputs, outputs, {}, **options)[0])

    def begin(self, process, inputs, outputs, **options):
        answer, _ = self._execute(process, inputs, outputs, {"Prefer": "respond-async"}, **options)
        return json.loads(answer)["jobID"]

    def state(self, job):
        try:
            status = json.loads(fetch(f"{self.url}/jobs/{job}")[0])["status"]
        except Refused as refusal:
            return gone(refusal, "404")
        return {"successful": "succeeded", "failed": "failed", "dismissed": "gone"}.get(status, "open")

    def result(self, job):
        return self._outputs(fetch(f"{self.url}/jobs/{job}/results")[0])

    def stop(self, job):
        assert json.loads(fetch(f"{self.url}/jobs/{job}", method="DELETE")[0])["status"] == "dismissed"

    def _execute(self, process, inputs, outputs, headers, *, xml=(), reference=()):
        given = {
            name: {"value": value, "mediaType": "text/xml"} if name in xml else int(value) if value.isdigit() else value
            for name, value in inputs.items()
        }
        wanted = {name: {"transmissionMode": "reference" if name in reference else "value"} for name in outputs}
        body = json.dumps({"inputs": given, "outputs": wanted, "response": "document"})
        address = f"{self.url}/processes/{quote(process)}/execution"
        return fetch(address, body, **{"Content-Type": "application/json"} | headers)

    def _outputs(self, answer):
        return {name: self._value(value) for name, value in json.loads(answer).items()}

    def _value(self, value):
        if isinstance(value, dict) and "href" in value:
            content, headers = fetch(value["href"])
            return text_of(etree.fromstring(content)) if "xml" in headers["content-type"] else content.decode()
        if isinstance(value, dict) and "value" in value:
            return text_of(etree.fromstring(value["value"])) if "xml" in value.get("mediaType", "") else value["value"]
        return str(value)


def gone(refusal, sign):
    if sign not in str(refusal):
        raise refusal
    return "gone"


def text_of(element):
    return "".join(element.itertext()).strip()


TONGUES = {"wps1": Wps1, "wps2": Wps2, "ogcapi": OgcApi}
