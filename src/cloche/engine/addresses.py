"""Which network addresses references may be read from: the public internet, and what the operator allows."""

import ipaddress
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# beyond what Python calls not global: addresses that lead to others, and ranges of old
_NEVER: tuple[Network, ...] = tuple(
    ipaddress.ip_network(text) for text in ("192.88.99.0/24", "::/96", "64:ff9b:1::/48", "fec0::/10", "3fff::/20")
)
_HOST = re.compile(r"(?:\[(?P<six>[0-9a-f:.]+)\]|(?P<name>[\w.-]+))(?::(?P<port>[0-9]{1,5}))?")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Guard:
    """Built by ``guard`` from the operator's allow-list; everything public is allowed anyhow."""

    hosts: frozenset[tuple[str, int | None]]
    suffixes: tuple[str, ...]
    networks: tuple[Network, ...]

    def permits(self, address: str, *, host: str, port: int) -> bool:
        """Whether a connection to that IP address may be opened for a URL that names ``host`` and ``port``."""
        try:
            ip = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return False
        return self._names(host, port) or any(ip in network for network in self.networks) or is_public(ip)

    def _names(self, host: str, port: int) -> bool:
        name = host.rstrip(".").lower()
        return (name, None) in self.hosts or (name, port) in self.hosts or name.endswith(self.suffixes)


def guard(allowed: Iterable[str]) -> Guard:
    """From texts such as ``data.intra``, ``data.intra:8080``, ``*.intra``, ``10.1.0.0/16``, ``10.1.2.3``, ``fd00::/8``.

    Raises ValueError where one of them is none of these.
    """
    hosts, suffixes, networks = set(), [], []
    for text in (given.strip().lower() for given in allowed):
        if network := _network(text):
            networks.append(network)
        elif text.startswith("*.") and len(text) > 2:
            suffixes.append(text[1:])
        else:
            hosts.add(_host(text))
    return Guard(frozenset(hosts), tuple(suffixes), tuple(networks))


def is_public(ip: Address) -> bool:
    """Whether the address, and every address hidden in it, belongs to the public internet."""
    return all(
        seen.is_global and not seen.is_multicast and not seen.is_reserved and not any(seen in net for net in _NEVER)
        for seen in _meanings(ip)
    )


def _meanings(ip: Address) -> Iterator[Address]:
    """The address a packet may really go to: IPv4 wrapped in IPv6 counts as both, mapped IPv4 as itself alone."""
    if not isinstance(ip, ipaddress.IPv6Address):
        yield ip
    elif ip.ipv4_mapped is not None:
        yield ip.ipv4_mapped
    elif ip in _NAT64:
        yield ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    else:
        yield ip
        if ip.sixtofour is not None:
            yield ip.sixtofour
        if ip.teredo is not None:
            yield from ip.teredo


def _network(text: str) -> Network | None:
    try:
        return ipaddress.ip_network(text.strip("[]"))
    except ValueError:
        return None


def _host(text: str) -> tuple[str, int | None]:
    parts = _HOST.fullmatch(text)
    if parts is None:
        raise ValueError(f"{text!r} is neither a host name nor a network")
    return (parts["six"] or parts["name"]).rstrip("."), int(parts["port"]) if parts["port"] else None
