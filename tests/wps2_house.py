"""``wps_house.House`` behind the endpoints that the server really has: negotiated, and pinned to each version."""

from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from cloche.app import wps
from cloche.app.settings import Server, Settings
from cloche.model.state import ENDED, State, Wanted
from cloche.ports.store import Repeated
from cloche.protocols import outputs, wps2
from cloche.protocols._http.limits import BodyLimits
from cloche.protocols._http.threads import Threads
from wps_house import URL, House
from wps_house import Store as Rows

LANGUAGES = ("en-US", "de", "fr-CA")
NS = {
    "wps": "http://www.opengis.net/wps/2.0",
    "ows": "http://www.opengis.net/ows/2.0",
    "xlink": "http://www.w3.org/1999/xlink",
}
DECLARED = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NS.items())


class Store(Rows):
    """Rows that can be forgotten, and keys that were used."""

    def __init__(self):
        super().__init__()
        self.keys = {}

    def add(self, job, *, admission, mode, once=None):
        if once is not None:
            if once.key in self.keys:
                raise Repeated(*self.keys[once.key])
            self.keys[once.key] = (job.id, once.digest)
        return super().add(job, admission=admission, mode=mode)

    def delete(self, id):
        self.rows.pop(id, None)

    def want(self, id, wanted):
        return self.get(id) if self.get(id).state in ENDED else super().want(id, wanted)


class Pausing:
    """An executor that can hold a task still, as far as anybody asks."""

    def pause(self, handle):
        raise NotImplementedError

    def resume(self, handle):
        raise NotImplementedError


class House2(House):
    """``post`` and ``get`` speak to ``path``. ``executors["fake"]`` may be replaced."""

    def __init__(self, root, *, path="/wps", body=None, grace=2.0, pausing=False, **options):
        super().__init__(root, **options)
        self.path = path
        self.store = Store()
        self.service._store = self.store
        if pausing:
            self.service._executors = {"fake": Pausing()}
        settings = Settings(server=Server(language=LANGUAGES))
        limits = body or BodyLimits()
        config = wps2.Wps2Config(url=URL, languages=LANGUAGES, body=limits, path="/quick", grace_seconds=grace)
        self.app = Starlette(
            routes=[
                *wps.routes(self.service, settings, URL, limits),
                Route("/quick", wps2.endpoint(self.service, config, Threads())),
                *outputs.routes(self.service),
            ]
        )
        self.client = TestClient(self.app, base_url=URL, raise_server_exceptions=True, follow_redirects=False)

    def wake(self):
        super().wake()
        for job in list(self.store.rows.values()):
            if job.wanted is Wanted.PAUSE and job.state is State.RUNNING:
                self.move(job, State.PAUSED)
            elif job.wanted is Wanted.RUN and job.state is State.PAUSED:
                self.move(job, State.RUNNING)

    def get(self, query="", **headers):
        return self.client.get(f"{self.path}?{query}" if query else self.path, headers=headers)

    def post(self, body, **headers):
        return self.client.post(self.path, content=body, headers={"content-type": "text/xml", **headers})

    def ask(self, operation, job):
        return self.get(f"service=WPS&version=2.0.0&request={operation}&JobID={job}")


def execute(*content, process="echo", mode="sync", response="document", attributes=""):
    return (
        f'<wps:Execute service="WPS" version="2.0.0" mode="{mode}" response="{response}" {attributes} {DECLARED}>'
        f"<ows:Identifier>{process}</ows:Identifier>{''.join(content)}</wps:Execute>"
    )


def given(id, content):
    return f'<wps:Input id="{id}">{content}</wps:Input>'


def data(id, content, attributes=""):
    return given(id, f"<wps:Data {attributes}>{content}</wps:Data>")


def output(id, attributes=""):
    return f'<wps:Output id="{id}" {attributes}/>'


def request(operation, job, attributes='service="WPS" version="2.0.0"'):
    return f"<wps:{operation} {attributes} {DECLARED}><wps:JobID>{job}</wps:JobID></wps:{operation}>"
