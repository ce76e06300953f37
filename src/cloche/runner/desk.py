"""Where a supervisor gets its orders."""

import array
import contextlib
import os
import select
import socket
from dataclasses import dataclass
from typing import Protocol

from cloche.jobdir import orders
from cloche.jobdir.orders import Order
from cloche.runner.groups import Groups

_SPACE = socket.CMSG_SPACE(orders.MAX_DESCRIPTORS * array.array("i").itemsize)


@dataclass(frozen=True, slots=True)
class Commission:
    """An order as it came in; the working directory is the job's from now on.

    ``letter`` is for the execution: neither read nor copied, and wiped when it has been handed on.
    """

    order: Order
    groups: Groups
    letter: memoryview


class Desk(Protocol):
    """Takes orders in turns."""

    def prepare(self) -> Groups | None:
        """The control groups of the next execution; None: there will be none."""
        ...

    def has_order(self) -> bool:
        """Whether one waits already: there is no time to rehearse."""
        ...

    def receive(self, signals: int) -> Commission | None:
        """Wait for the order; None: there will be none.

        ``signals`` is a signalfd that may be looked at but not read.
        """
        ...

    def confirm(self) -> None:
        """Say that the task of the order is this supervisor's."""
        ...

    def done(self) -> None:
        """Say that the execution has ended and is recorded."""
        ...


class SocketDesk:
    """Orders of a server, over a socket that keeps messages apart; the first execution is in ``groups``."""

    def __init__(self, connection: socket.socket, groups: Groups) -> None:
        self._connection = connection
        self._groups: Groups | None = groups
        self._order = bytearray(orders.ORDER_BYTES)
        self._letter = bytearray(orders.MAX_LETTER_BYTES)

    def prepare(self) -> Groups | None:
        if self._groups is not None:
            groups, self._groups = self._groups, None
            return groups
        try:
            data, descriptors = receive(self._connection)
        except ConnectionError:
            return None
        return Groups.of(orders.load_groups(data), descriptors) if data else None

    def has_order(self) -> bool:
        return readable(self._connection.fileno())

    def receive(self, signals: int) -> Commission | None:  # noqa: ARG002 - whoever waits is ended by the socket
        buffers = [self._order, self._letter]
        try:
            size, ancillary, _, _ = self._connection.recvmsg_into(buffers, _SPACE, socket.MSG_CMSG_CLOEXEC)
        except ConnectionError:
            return None
        if not size:
            return None
        jobdir, *descriptors = _descriptors(ancillary)
        os.fchdir(jobdir)
        os.close(jobdir)
        order = Order.load(self._order)
        letter = memoryview(self._letter)[: size - orders.ORDER_BYTES]
        return Commission(order, Groups.of(order.groups, descriptors), letter)

    def confirm(self) -> None:
        """The lock says it."""

    def done(self) -> None:
        with contextlib.suppress(ConnectionError):  # the server is gone: the next turn will not come
            self._connection.send(orders.DONE)


def readable(descriptor: int) -> bool:
    """Whether there is something to read, or the end."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))


def receive(connection: socket.socket) -> tuple[bytes, list[int]]:
    """The next message, empty at the end, and the descriptors that came with it."""
    data, ancillary, _, _ = connection.recvmsg(orders.MAX_MESSAGE_BYTES, _SPACE, socket.MSG_CMSG_CLOEXEC)
    return data, _descriptors(ancillary)


def _descriptors(ancillary: list[tuple[int, int, bytes]]) -> list[int]:
    descriptors = array.array("i")
    for _, _, block in ancillary:
        descriptors.frombytes(block)
    return list(descriptors)
