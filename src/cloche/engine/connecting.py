"""Connections to permitted addresses only: whatever a name, an odd spelling or a redirect leads to."""

import asyncio
import functools
import socket
import ssl
from collections.abc import Iterable
from typing import Any

import httpcore2
import structlog

from cloche.engine.addresses import Guard

log = structlog.get_logger(__name__)


class GuardedBackend(httpcore2.AsyncNetworkBackend):
    """Looks a name up itself and connects to the addresses that the guard permits, one after the other.

    What connects gets an address and no name: nothing is looked up a second time.
    """

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._backend = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Raises ConnectError, ConnectTimeout."""
        loop = asyncio.get_running_loop()
        until = loop.time() + (timeout or 0)
        addresses = await _addresses(host, port, timeout)
        permitted = [address for address in addresses if self._guard.permits(address, host=host, port=port)]
        if addresses and not permitted:
            # clients are not told which addresses there are behind the server
            log.warning("host refused", host=host, addresses=addresses, mend="name it in allowedhosts")
        failure: Exception = httpcore2.ConnectError("no address that references are read from")
        for number, address in enumerate(permitted):
            share = None if timeout is None else max(0.0, until - loop.time()) / (len(permitted) - number)
            try:
                return await self._backend.connect_tcp(address, port, share, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        raise failure


async def _addresses(host: str, port: int, timeout: float | None) -> list[str]:
    try:
        async with asyncio.timeout(timeout):
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except TimeoutError as error:
        raise httpcore2.ConnectTimeout(error) from error
    except (OSError, UnicodeError) as error:
        raise httpcore2.ConnectError(error) from error
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


@functools.cache
def trusted() -> ssl.SSLContext:
    """What certificates are checked by: the host's authorities."""
    return ssl.create_default_context()
