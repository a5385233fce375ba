"""Free ports for programs that need a fixed port."""

import os
import socket
from itertools import cycle, islice

# Below the range from which systems take the ports of connections and of listeners that ask for any: between the
# choice of a port and the moment when the program listens there, nobody else gets it.
_FIRST, _BLOCK, _BLOCKS = 10_240, 1024, 22
# Each process of the tests has a block of its own: their ids lie close together.
_OWN = _FIRST + os.getpid() % _BLOCKS * _BLOCK
_ports = cycle(range(_OWN, _OWN + _BLOCK))


def free_port() -> int:
    """A port of 127.0.0.1 on which nobody listens, and that no test of this process has had lately."""
    for port in islice(_ports, _BLOCK):
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return port
    raise AssertionError("no port is free")


def free_ports(number: int) -> list[int]:
    """Several, each another one."""
    return [free_port() for _ in range(number)]
