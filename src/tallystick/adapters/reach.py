"""Whether anything listens where a database is said to be, asked before the first connection.

A pool tries again for half a minute, which is right for a server that has no connection free, and
says nothing meanwhile where there is no server at all.
"""

from __future__ import annotations

import socket
from itertools import cycle
from typing import Final

import psycopg

#: An address that drops what it is sent is given up after so long.
_PATIENCE_S: Final = 5.0
_PORT: Final = "5432"


def require_listener(url: str) -> None:
    """Raise psycopg.OperationalError unless something takes connections at one of the addresses.

    Whether it has a connection free, and takes this user, is not asked. An address that is not in
    the URL (but in a service file or the environment) is not looked at.
    """
    given = psycopg.conninfo.conninfo_to_dict(url)
    hosts = str(given.get("hostaddr") or given.get("host") or "").split(",")
    ports = str(given.get("port") or _PORT).split(",")
    if "" in hosts:
        return
    addresses = list(zip(hosts, ports if len(ports) > 1 else cycle(ports), strict=False))
    if not any(_listens(host, port or _PORT) for host, port in addresses):
        raise psycopg.OperationalError("nothing listens at the database's address")


def _listens(host: str, port: str) -> bool:
    try:
        if not host.startswith(("/", "@")):
            socket.create_connection((host, int(port)), timeout=_PATIENCE_S).close()
            return True
        path = f"{host}/.s.PGSQL.{port}"
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as one:
            one.settimeout(_PATIENCE_S)
            one.connect("\0" + path[1:] if host.startswith("@") else path)
    except BlockingIOError:
        return True  # its queue is full: somebody holds it
    except (OSError, ValueError):  # a name or a port that cannot be one
        return False
    return True
