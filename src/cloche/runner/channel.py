"""Messages with descriptors, received with as little code as can be: it runs in processes just forked."""

import array
import socket

from cloche.jobdir import orders

_SPACE = socket.CMSG_SPACE(orders.MAX_DESCRIPTORS * array.array("i").itemsize)


def receive(connection: socket.socket) -> tuple[bytes, list[int]]:
    """The next message, empty at the end, and the descriptors that came with it."""
    data, ancillary, _, _ = connection.recvmsg(orders.MAX_MESSAGE_BYTES, _SPACE, socket.MSG_CMSG_CLOEXEC)
    descriptors = array.array("i")
    for _, _, block in ancillary:
        descriptors.frombytes(block)
    return data, list(descriptors)


class SocketDesk:
    """Takes one order from a socket (``supervisor.Desk``)."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def receive(self, signals: int) -> tuple[bytes, list[int]]:  # noqa: ARG002 - whoever waits is ended by the socket
        message = receive(self._connection)
        self._connection.close()
        return message

    def confirm(self) -> None:
        """The lock says it."""
