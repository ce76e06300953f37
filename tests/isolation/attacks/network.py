"""Sockets."""

import json
import os
import socket
from pathlib import Path

from cloche.process import process

from ._means import Facts, Verdict, attempt, verdict


@process
def tcp(facts: Facts) -> Verdict:
    """Connect to services of the host over TCP."""
    known = json.loads(facts)
    return verdict(
        attempt(host, lambda host=host: socket.create_connection((host, known["tcp"]), 2).close())
        for host in ("127.0.0.1", "::1", *known["addresses"])
    )


@process
def udp(facts: Facts) -> Verdict:
    """Send datagrams to services of the host."""

    def send() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"x", ("127.0.0.1", json.loads(facts)["tcp"]))

    return attempt("datagram", send)


@process
def metadata_address(facts: Facts) -> Verdict:
    """Find a way to the address where clouds keep credentials. Nothing is sent: a way is all that is asked for."""

    def look() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.connect((json.loads(facts)["metadata"], 80))

    return attempt("way", look)


@process
def listen(facts: Facts) -> Verdict:
    """Offer a service on the host's network."""

    def serve() -> None:
        with socket.create_server(("127.0.0.1", 0)):
            pass

    return attempt("listen", serve)


@process
def unix_sockets(facts: Facts) -> Verdict:
    """Talk to daemons over unix sockets, by abstract name and by path."""
    known = json.loads(facts)

    def connect(address: str) -> None:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(address)

    return verdict(
        [
            attempt("abstract", lambda: connect("\0" + known["abstract"])),
            attempt("path", lambda: connect(known["socket"])),
        ]
    )


@process
def unix_datagrams(facts: Facts) -> Verdict:
    """Send datagrams to daemons (a log, systemd) from a pair of sockets, which needs no ``socket()``."""
    known = json.loads(facts)

    def send(address: str) -> None:
        with socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)[0] as sender:
            sender.sendto(b"READY=1", address)

    return verdict(
        [
            attempt("abstract", lambda: send("\0" + known["abstract_datagrams"])),
            attempt("path", lambda: send(known["datagrams"])),
        ]
    )


@process
def odd_sockets(facts: Facts) -> Verdict:
    """Make sockets of families that go past the internet's: netlink, packets, virtual machines, kernel cryptography."""
    kinds = {
        "netlink": (16, socket.SOCK_RAW, 0),
        "netfilter": (16, socket.SOCK_RAW, 12),
        "packet": (17, socket.SOCK_RAW, 0x300),
        "raw": (socket.AF_INET, socket.SOCK_RAW, 1),
        "vsock": (40, socket.SOCK_STREAM, 0),
        "alg": (38, socket.SOCK_SEQPACKET, 0),
    }
    return verdict(attempt(name, lambda kind=kind: socket.socket(*kind).close()) for name, kind in kinds.items())


@process
def see_network(facts: Facts) -> Verdict:
    """See the host's interfaces and who is connected to it."""
    known = json.loads(facts)
    wanted = {
        "tcp": f":{known['tcp']:04X} ",
        "unix": known["abstract"],
        "dev": next((name for name in known["interfaces"] if name != "lo"), "lo"),
    }

    def look(path: str, sign: str) -> None:
        if sign not in Path(path).read_text():
            raise LookupError(sign)

    seen = [
        attempt(f"{path}/{name}", lambda path=path, name=name, sign=sign: look(f"{path}/{name}", sign))
        for path in ("/proc/self/net", f"/proc/self/task/{os.getpid()}/net")
        for name, sign in wanted.items()
    ]
    return verdict([*seen, attempt("/sys/class/net", lambda: list(Path("/sys/class/net").iterdir())[1])])
