"""What is published, rendered once for each way of asking, and kept while the catalogue does not change."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from cloche.model.process import JobControl
from cloche.protocols._http.languages import by_header
from cloche.protocols._http.replies import Reply
from cloche.protocols._http.shelf import Shelf
from cloche.protocols._http.threads import Threads
from cloche.protocols.ogcapi import descriptions, listing, openapi
from cloche.protocols.ogcapi.answering import Answer, Exchange
from cloche.protocols.ogcapi.config import OgcApiConfig
from cloche.protocols.ogcapi.conformance import (
    CLASSES,
    CLASSES_OF_DRAFT,
    CONFORMANCE,
    HTML,
    JOB_LIST,
    JSON,
    OPENAPI,
    PROCESSES,
    PROFILE_OF_PROCESSES,
)
from cloche.protocols.ogcapi.pages import POLICY, Pages
from cloche.service.service import Service

ENTRIES = 2048
TOTAL_BYTES = 64 << 20
LONGEST_KEY = 1024

Json = dict[str, Any]
Make = Callable[[Exchange, str], Json]
"""The JSON of a resource, in a language."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A reply and its validator."""

    reply: Reply
    unchanged: Reply
    etag: bytes
    size: int


class Publications:
    """Landing page, conformance, API definition and descriptions, as answers to GET."""

    def __init__(self, service: Service, config: OgcApiConfig, threads: Threads, pages: Pages) -> None:
        self._service = service
        self._config = config
        self._threads = threads
        self._pages = pages
        self._shelf = Shelf[Kept](entries=ENTRIES, total_bytes=TOTAL_BYTES)

    def answer(self, template: str, make: Make, *, offered: tuple[str, ...] = (JSON, HTML)) -> Answer:
        """Answers GET with the JSON that ``make`` returns, or with the page of that ``template``."""

        async def answered(exchange: Exchange) -> Reply:
            version = self._service.catalog_version()
            key = _key(exchange)
            kept = self._shelf.get(version, key)
            if kept is None:
                kept = await self._threads.quick(partial(self._render, template, make, offered, exchange))
                if sum(len(part) for part in key) <= LONGEST_KEY:
                    self._shelf.put(version, key, kept, size=kept.size)
            return kept.unchanged if _matches(exchange.headers.get("if-none-match", ""), kept.etag) else kept.reply

        return answered

    def landing(self, _exchange: Exchange, _language: str) -> Json:
        """``landingPage.yaml`` (clause 7.2)."""
        config = self._config
        links = [
            _link(config.address("/"), "self", JSON, "This document"),
            _link(config.address("/?f=html"), "alternate", HTML, "This document as a page"),
            _link(config.address("/api"), "service-desc", OPENAPI, "The API, as OpenAPI 3.0"),
            _link(config.address("/api?f=html"), "service-doc", HTML, "The API, for people"),
            _link(config.address("/conformance"), CONFORMANCE, JSON, "What this server conforms to"),
            _link(config.address("/processes"), PROCESSES, JSON, "Processes"),
            _link(config.address("/jobs"), JOB_LIST, JSON, "Jobs"),
            *(_link(link.href, link.rel, link.type, link.title) for link in config.links),
        ]
        return {"title": config.title, "description": config.description, "links": links}

    def conformance(self, _exchange: Exchange, _language: str) -> Json:
        """``confClasses.yaml`` (clause 7.4)."""
        classes = (*CLASSES, *(CLASSES_OF_DRAFT if self._config.draft else ()))
        return {"conformsTo": [name for name in classes if self._config.callbacks or not name.endswith("/callback")]}

    def api(self, _exchange: Exchange, _language: str) -> Json:
        """The API definition (clauses 7.3 and 11)."""
        return openapi.definition([p.description for p in self._service.processes()], self._config)

    def processes(self, exchange: Exchange, language: str) -> Json:
        """``processList.yaml`` (clause 7.9). Raises Refused."""
        limit, offset = listing.page(exchange.asked)
        found = self._service.processes()
        shown = found[offset : offset + limit]
        href = self._config.address("/processes")
        asked = partial(listing.following, exchange.asked)
        here = exchange.scope["query_string"].decode("latin-1")
        links = [
            _link(f"{href}?{here}" if here else href, "self", JSON, "This page"),
            _link(f"{href}?{asked(f='html')}", "alternate", HTML, "This page for people"),
        ]
        if offset + limit < len(found):
            links.append(_link(f"{href}?{asked(limit=limit, offset=offset + limit)}", "next", JSON, "Next page"))
        if offset:
            before = asked(limit=limit, offset=max(0, offset - limit))
            links.append(_link(f"{href}?{before}", "prev", JSON, "Previous page"))
        summaries = [descriptions.summary(p.description, self._config, language) for p in shown]
        return {"processes": summaries, "links": links}

    def process(self, exchange: Exchange, language: str) -> Json:
        """``process.yaml`` (clause 7.10). Raises NoSuchProcess."""
        process = self._service.process(exchange.path("process")).description
        return descriptions.description(process, self._config, language)

    def _render(self, template: str, make: Make, offered: tuple[str, ...], exchange: Exchange) -> Kept:
        kind = exchange.kind(offered)
        chosen = by_header(exchange.headers.get("accept-language", ""), self._config.languages)
        data = make(exchange, chosen)
        headers = [(b"vary", b"accept, accept-language"), (b"cache-control", b"no-cache")]
        headers.append((b"content-language", chosen.encode()))
        if kind == HTML:
            content, kind = self._pages.render(template, data, **self._more(template)), f"{HTML}; charset=utf-8"
            headers.append(POLICY)
        else:
            content = msgspec.json.encode(data)
        if self._config.draft and template == "process":
            headers.append((b"link", PROFILE_OF_PROCESSES))
        # weak: middleware may compress the bytes
        etag = b'W/"' + hashlib.sha256(kind.encode() + content).hexdigest()[:32].encode() + b'"'
        headers.append((b"etag", etag))
        return Kept(
            reply=Reply(media_type=kind, segments=(content,), headers=tuple(headers)),
            unchanged=Reply(media_type="", segments=(b"",), status=304, headers=tuple(headers)),
            etag=etag,
            size=len(content),
        )

    def _more(self, template: str) -> Json:
        if template != "landing":
            return {}
        published = [p.description for p in self._service.processes()]
        return {"processes": published, "asynchronous": JobControl.ASYNC}


def _key(exchange: Exchange) -> tuple[bytes, ...]:
    wanted = {b"accept": b"", b"accept-language": b""}
    for name, value in exchange.scope["headers"]:
        if name in wanted:
            wanted[name] = value
    return exchange.scope["path"].encode(), exchange.scope["query_string"], *wanted.values()


def _link(href: str, rel: str, kind: str, title: str) -> Json:
    return {"href": href, "rel": rel, "type": kind, "title": title}


def _matches(condition: str, etag: bytes) -> bool:
    if not condition:
        return False
    plain = etag.decode().removeprefix("W/")
    tags = [tag.strip().removeprefix("W/") for tag in condition.split(",")]
    return plain in tags or "*" in tags
