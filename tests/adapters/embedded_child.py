"""Started by the tests in a process of its own: hold a server, or do one thing with it and go.

python embedded_child.py FOLDER hold    start, print the pid, wait to be ended
python embedded_child.py FOLDER count   start, count the rows the tests wrote, stop
"""

import signal
import sys
import time
from pathlib import Path

import psycopg

from tallystick.adapters.embedded import EmbeddedServer

QUICK = {"fsync": "off", "shared_buffers": "16MB"}


def main(folder: str, what: str) -> None:
    server = EmbeddedServer(Path(folder), settings=QUICK)
    with server as url, psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (n int)")
        connection.execute("INSERT INTO kept VALUES (1)")
        row = connection.execute("SELECT count(*) FROM kept").fetchone()
        print(server.pid, row[0] if row else 0, flush=True)
        if what == "hold":
            time.sleep(60)


if __name__ == "__main__":
    # A shell's background job ignores SIGINT, and so would what is started from there.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    main(sys.argv[1], sys.argv[2])
