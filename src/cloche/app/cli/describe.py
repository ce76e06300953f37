"""``cloche processes`` and ``cloche describe``: what would be published, read the way the server reads it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cloche.app.cli.common import (
    Failed,
    config_option,
    demo_option,
    explained,
    hush,
    problems,
    servable,
    settings_of,
    show_table,
)

if TYPE_CHECKING:
    from cloche.model.process import Parameter, ProcessDescription


@click.command()
@config_option
@demo_option
def processes(config: Path | None, *, demo: bool) -> None:
    """List the processes that the settings publish; exit code 1 where a package is broken."""
    from rich.table import Table

    from cloche.app.publications import open_catalog, strays

    settings = settings_of(config, demo=demo)
    hush(settings)
    with servable(), open_catalog(settings) as catalog:
        table = Table("process", "version", "title", "package", box=None, pad_edge=False)
        for published in catalog.processes():
            description = published.description
            table.add_row(description.id, description.version, description.title, published.package)
        show_table(table)
        broken = problems(catalog)
        for line in (*broken, *strays(settings, catalog)):
            click.echo(line, err=True)
        if not catalog.processes() and not catalog.problems():
            click.echo("No packages: name some in [processing] packages of cloche.toml, or try --demo.", err=True)
    if broken:
        raise click.exceptions.Exit(1)


@click.command()
@click.argument("process")
@click.option("--json", "as_json", is_flag=True, help="The description as data.")
@config_option
@demo_option
def describe(process: str, config: Path | None, *, as_json: bool, demo: bool) -> None:
    """Show inputs and outputs of PROCESS."""
    from cloche.app.publications import open_catalog
    from cloche.model.codec import encode
    from cloche.model.errors import NoSuchProcess

    settings = settings_of(config, demo=demo)
    hush(settings)
    with servable(), open_catalog(settings) as catalog:
        try:
            description = catalog.get(process).description
        except NoSuchProcess as error:
            raise Failed(explained(error, catalog, process)) from None
    if as_json:
        click.echo(json.dumps(encode(description), indent=2, ensure_ascii=False))
    else:
        click.echo("\n".join(_lines(description)))


def _lines(description: "ProcessDescription") -> Iterator[str]:
    from cloche.model.process import leaves

    yield f"{description.id} {description.version}: {description.title}"
    if description.abstract:
        yield description.abstract
    for heading, parameters in (("Inputs", description.inputs), ("Outputs", description.outputs)):
        yield f"\n{heading}"
        for parameter in leaves(parameters, number="N/"):
            yield f"  {parameter.id}: {_kind(parameter)}{_occurs(parameter)}"
            yield f"      {parameter.title}"


def _kind(parameter: "Parameter") -> str:
    from cloche.model.domains import BoundingBoxDomain, LiteralDomain

    domain = parameter.domain
    if isinstance(domain, BoundingBoxDomain):
        return f"bounding box in {', '.join(domain.crs)}"
    if not isinstance(domain, LiteralDomain):
        return " | ".join(form.media_type for form in domain.formats)
    ranges = [f"{item.minimum or ''}..{item.maximum or ''}" for item in domain.ranges]
    parts = [domain.datatype.value, " | ".join((*domain.values, *ranges)), domain.units[0] if domain.units else ""]
    default = f" = {domain.default}" if domain.default is not None else ""
    return " ".join(part for part in parts if part) + default


def _occurs(parameter: "Parameter") -> str:
    if (parameter.min_occurs, parameter.max_occurs) == (1, 1):
        return ""
    return f"  ({parameter.min_occurs} to {parameter.max_occurs or 'any number'})"
