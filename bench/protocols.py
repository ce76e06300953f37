"""``python -m bench.protocols``: synchronous executions over the three protocols, beside PyWPS and pygeoapi."""

import argparse
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.cases import EXECUTE, OGC, WPS2, execute
from bench.load import Load, Post
from bench.servers import Server, cloche, pygeoapi, pywps

CLIENTS = (1, 4, 16)
Row = tuple[str, str, Post | None]


def rows(server: Server) -> list[Row]:
    """What the server speaks: name, URL, body."""
    root = server.wps.removesuffix("/wps")
    ogc = ("OGC API", f"{root}/processes/add/execution", OGC)
    match server.name:
        case "PyWPS":
            return [("WPS 1.0.0", server.wps + EXECUTE, None)]
        case "pygeoapi":
            return [ogc]
        case _:
            return [("WPS 1.0.0", server.wps + EXECUTE, None), ("WPS 2.0", f"{root}/wps/2.0.0", WPS2), ogc]


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mode", default="sandbox", help="mode of Cloche to measure")
    parser.add_argument("--seconds", type=int, default=4, help="length of each load")
    arguments = parser.parse_args()
    found: dict[tuple[str, str, int], Load] = {}
    with tempfile.TemporaryDirectory(prefix="cloche-bench-") as home:
        Path(home).chmod(0o755)
        for start in (pywps, pygeoapi, lambda place: cloche(place, arguments.mode)):
            with start(Path(home)) as server:
                for protocol, url, post in rows(server):
                    for clients in CLIENTS:
                        load = execute(url, post, clients=clients, seconds=arguments.seconds)
                        found[server.name, protocol, clients] = load
    show(found)


def show(found: dict[tuple[str, str, int], Load]) -> None:
    """One row a server and protocol, and how many times the throughput of the peer that speaks it."""
    peers = {"WPS 1.0.0": "PyWPS", "WPS 2.0": "PyWPS", "OGC API": "pygeoapi"}
    table = Table("server", "protocol", "clients", "requests/s", "p50 ms", "p99 ms", "times the peer")
    for (name, protocol, clients), load in found.items():
        peer = found.get((peers[protocol], protocol, clients)) or found[peers[protocol], "WPS 1.0.0", clients]
        cells = (f"{value:,.1f}" for value in (load.rate, load.p50, load.p99, load.rate / peer.rate))
        table.add_row(name, protocol, str(clients), *cells)
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
