"""One web server process of the benchmark: the bureau, or a bare handler of the same framework."""

from __future__ import annotations

import argparse
import contextlib
import cProfile
import pstats
import tempfile
from pathlib import Path

import uvicorn
from fastapi import FastAPI, Response

from tallystick.adapters.databases import vault_url_of
from tallystick.adapters.huge_pages import use_huge_pages
from tallystick.adapters.keys import BureauKeys
from tallystick.adapters.postgres import Database
from tallystick.adapters.vault import Vault
from tallystick.entry.compose import make_deps
from tallystick.entry.http.app import create_app
from tallystick.entry.http.serving import config_of

SEED = b"bench"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--url")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--bare-bytes", type=int, help="answer with a constant of this size")
    parser.add_argument("--profile", action="store_true")
    given = parser.parse_args()
    if given.bare_bytes:
        _serve(_bare(given.bare_bytes), given.port)
        return
    keys = BureauKeys.from_seed(SEED)
    database = Database(given.url)
    with Vault(vault_url_of(given.url), keys.wrapping_key) as vault:
        deps = make_deps(
            database=database, vault=vault, keys=keys, work_folder=Path(tempfile.gettempdir())
        )
        app = create_app(deps, background=False)
        if given.profile:
            _profiled(app, given.port)
        else:
            use_huge_pages()  # as `tallystick serve` does
            _serve(app, given.port)
    database.close()


def _serve(app: FastAPI, port: int) -> None:
    config = config_of(app)
    config.port = port
    with contextlib.suppress(KeyboardInterrupt):  # which the server raises anew when it has ended
        uvicorn.Server(config).run()


def _profiled(app: FastAPI, port: int) -> None:
    profile = cProfile.Profile()
    profile.enable()
    _serve(app, port)
    profile.disable()
    stats = pstats.Stats(profile)
    stats.sort_stats("tottime").print_stats(60)
    stats.sort_stats("cumtime").print_stats("tallystick|uvicorn|starlette|fastapi", 70)


def _bare(size: int) -> FastAPI:
    app = FastAPI(openapi_url=None)
    body = b'{"outcome":"hit","report":"' + b"x" * (size - 29) + b'"}'

    @app.post("/v1/inquiries", status_code=201)
    async def answer() -> Response:
        return Response(body, status_code=201, media_type="application/json")

    return app


if __name__ == "__main__":
    main()
