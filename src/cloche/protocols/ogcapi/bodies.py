"""The body of an execute request: in memory while it is small, else in a nameless file that is looked at in place."""

import hashlib
import mmap
import os
from functools import partial

from cloche.protocols._http.body import read_body
from cloche.protocols._http.deposit import Deposit
from cloche.protocols._http.limits import BodyLimits
from cloche.protocols._http.threads import Threads
from cloche.protocols.ogcapi.answering import Exchange


class Body:
    """``content`` is the whole of it; ``large`` says that it lies in a file."""

    def __init__(self, content: bytes | memoryview, *, large: bool) -> None:
        self.content = content
        self.large = large

    def digest(self) -> str:
        """Tells it from other bodies."""
        return hashlib.sha256(self.content).hexdigest()


async def receive(exchange: Exchange, deposit: Deposit, limits: BodyLimits, threads: Threads) -> Body:
    """Raises BodyRefused where it is too large or cannot be read, Disconnected."""
    batch = bytearray()
    file: int | None = None
    try:
        async for chunk in read_body(exchange.headers, exchange.receive, limits):
            batch += chunk
            if len(batch) > limits.memory_bytes:
                if file is None:
                    file = await threads.quick(deposit.scratch)
                await threads.bulk(partial(_write, file, bytes(batch)))
                batch.clear()
        if file is None:
            return Body(bytes(batch), large=False)
        await threads.bulk(partial(_write, file, bytes(batch)))
        # the map keeps the file for as long as somebody looks at it
        return Body(memoryview(mmap.mmap(file, 0, access=mmap.ACCESS_READ)), large=True)
    finally:
        if file is not None:
            os.close(file)


def _write(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]
