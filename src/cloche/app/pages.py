"""The two routes of the server itself: a plain page of links at ``/`` and a sign of life at ``/healthz``."""

from html import escape
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from cloche import __version__
from cloche.service.service import Service

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title>
<style>body{{font:1rem/1.5 system-ui;max-width:48rem;margin:2rem auto;padding:0 1rem}}dt{{font-weight:600}}</style>
<h1>{title}</h1>
<p>{abstract}</p>
<p><a href="{wps}?service=WPS&amp;request=GetCapabilities">Capabilities (WPS 1.0.0)</a></p>
<h2>{count} processes</h2>
<dl>
{processes}
</dl>
<footer><p>Cloche {version}</p></footer>
</html>
"""


def routes(service: Service, *, title: str, abstract: str, wps: str) -> list[Route]:
    """``wps`` is the public address of the WPS endpoint."""

    def home(_: Request) -> Response:
        published = service.processes()
        rows = (
            f'<dt><a href="{escape(wps)}?service=WPS&amp;version=1.0.0&amp;request=DescribeProcess&amp;identifier='
            f'{quote(p.description.id)}">{escape(p.description.id)}</a></dt><dd>{escape(p.description.title)}</dd>'
            for p in published
        )
        page = PAGE.format(
            title=escape(title),
            abstract=escape(abstract),
            wps=escape(wps),
            count=len(published),
            processes="\n".join(rows),
            version=__version__,
        )
        return HTMLResponse(page, headers={"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"})

    async def health(_: Request) -> Response:
        processes = await run_in_threadpool(service.processes)
        return JSONResponse({"status": "ok", "version": __version__, "processes": len(processes)})

    return [Route("/", home), Route("/healthz", health)]
