"""Processes as JSON: summaries and the OGC process description (clauses 7.9, 7.10 and 9)."""

from collections.abc import Callable
from typing import Any

from cloche.model.domains import ComplexDomain, Domain
from cloche.model.process import Described, Group, Metadata, Parameter, ProcessDescription, Translation
from cloche.protocols._http.languages import translated
from cloche.protocols.ogcapi import nesting
from cloche.protocols.ogcapi.config import OgcApiConfig
from cloche.protocols.ogcapi.conformance import EXECUTE, HTML, JSON
from cloche.protocols.ogcapi.schemas import output_schema, schema

Json = dict[str, Any]


def summary(process: ProcessDescription, config: OgcApiConfig, language: str) -> Json:
    """``processSummary.yaml``."""
    href = config.process(process.id)
    links = [{"href": href, "rel": "self", "type": JSON, "title": "Process description"}]
    return {
        "id": process.id,
        "version": process.version,
        **_described(process, process.translations, language),
        "jobControlOptions": [option.value for option in process.job_control],
        "outputTransmission": ["value", "reference"],
        "links": links,
    }


def description(process: ProcessDescription, config: OgcApiConfig, language: str) -> Json:
    """``process.yaml``."""
    href = config.process(process.id)
    found = summary(process, config, language)
    found["links"] = [
        {"href": f"{href}?f=json", "rel": "self", "type": JSON, "title": "This description"},
        {"href": f"{href}?f=html", "rel": "alternate", "type": HTML, "title": "This description as a page"},
        {"href": f"{href}/execution", "rel": EXECUTE, "type": JSON, "title": "Execute this process"},
        {"href": config.address("/processes"), "rel": "up", "type": JSON, "title": "All processes"},
    ]
    found["inputs"] = {parameter.id: _input(parameter, language) for parameter in process.inputs}
    found["outputs"] = {parameter.id: _output(parameter, language) for parameter in process.outputs}
    return found


def _input(parameter: Parameter | Group, language: str) -> Json:
    return {
        **_described(parameter, parameter.translations, language),
        "minOccurs": parameter.min_occurs,
        "maxOccurs": "unbounded" if parameter.max_occurs is None else parameter.max_occurs,
        "schema": _schema(parameter, schema, language),
        **_limits(parameter),
    }


def _output(parameter: Parameter | Group, language: str) -> Json:
    described = _described(parameter, parameter.translations, language)
    return {**described, "schema": _schema(parameter, output_schema, language)}


def _schema(parameter: Parameter | Group, of: Callable[[Domain], Json], language: str) -> Json:
    if isinstance(parameter, Parameter):
        return of(parameter.domain)
    return nesting.object_schema(parameter, of, lambda member: _words(member, member.translations, language))


def _limits(parameter: Parameter | Group) -> Json:
    domain = parameter.domain if isinstance(parameter, Parameter) else None
    if not isinstance(domain, ComplexDomain) or domain.max_bytes is None:
        return {}
    parameters = [{"name": "maximumBytes", "value": [str(domain.max_bytes)]}]
    return {"additionalParameters": {"title": "Limits", "parameters": parameters}}


def _described(subject: ProcessDescription | Described, translations: tuple[Translation, ...], language: str) -> Json:
    found = _words(subject, translations, language)
    if subject.keywords:
        found["keywords"] = list(subject.keywords)
    if subject.metadata:
        found["metadata"] = [_metadata(item) for item in subject.metadata]
    return found


def _words(subject: ProcessDescription | Described, translations: tuple[Translation, ...], language: str) -> Json:
    title, abstract = translated(translations, language, subject.title, subject.abstract)
    return {"title": title, "description": abstract} if abstract else {"title": title}


def _metadata(item: Metadata) -> Json:
    given = {"title": item.title, "href": item.href, "role": item.role}
    return {name: value for name, value in given.items() if value}
