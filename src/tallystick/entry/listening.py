"""The web server's port: taken before anything is said or opened."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from tallystick.errors import Unavailable


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """A socket that listens, closed at the end; port 0 takes a free one.

    Raises: Unavailable `unavailable` when the port is taken, or cannot be had at this address
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        found = socket.create_server((host, port), family=family)
    except OSError as error:
        is_taken = error.errno == errno.EADDRINUSE
        why = "is taken; try --port 0" if is_taken else f"cannot be had: {error.strerror}"
        raise Unavailable("unavailable", f"port {port} of {host} {why}", retryable=False) from error
    with found:
        yield found


def address_of(found: socket.socket) -> str:
    """The address a browser takes to get there."""
    return address_at(*found.getsockname()[:2])


def address_at(host: str, port: int) -> str:
    """The address of a port of a host; one of IPv6 stands in brackets."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
