"""`python -m perago_dev.lakefs serve`: the composition root of the development server."""

import argparse
import asyncio
import logging
import os
import signal
from pathlib import Path

from aiohttp import web

from perago_dev.lakefs.http.app import MAX_HEADER_BYTES, MAX_LINE_BYTES, Keys, build_app
from perago_dev.lakefs.store.store import Store

BANNER = """\
Perago development server for the lakeFS API. This is NOT lakeFS.
It speaks the part of lakeFS's OpenAPI that Perago uses, for development and tests on one machine.
For data that matters use lakeFS: set LAKEFS_ENDPOINT, LAKEFS_ACCESS_KEY_ID, LAKEFS_SECRET_ACCESS_KEY.
"""
SHUTDOWN_SECONDS = 5.0
"""How long uploads under way may go on after SIGTERM; an upload that is cut off leaves nothing."""


def main() -> None:
    """Reads the arguments and serves until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m perago_dev.lakefs", description=BANNER)
    serve = parser.add_subparsers(required=True).add_parser("serve", help="serve a data directory")
    serve.add_argument("--host", default="127.0.0.1")
    serve.add_argument("--port", type=int, default=8000, help="0: any free port")
    serve.add_argument("--data", type=Path, required=True, help="directory of the state, created when missing")
    serve.add_argument("--port-file", type=Path, help="written, with the port, once the server answers")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    asyncio.run(_serve(arguments, _keys(parser)))


def _keys(parser: argparse.ArgumentParser) -> Keys:
    access_key = os.environ.get("LAKEFS_ACCESS_KEY_ID", "")
    secret_key = os.environ.get("LAKEFS_SECRET_ACCESS_KEY", "")
    if not access_key or not secret_key:
        parser.error("set LAKEFS_ACCESS_KEY_ID and LAKEFS_SECRET_ACCESS_KEY to the keys that clients shall use")
    return Keys(access_key, secret_key)


async def _serve(arguments: argparse.Namespace, keys: Keys) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    store = Store(arguments.data)
    runner = web.AppRunner(
        build_app(store, keys),
        access_log=None,
        shutdown_timeout=SHUTDOWN_SECONDS,
        max_line_size=MAX_LINE_BYTES,
        max_field_size=MAX_HEADER_BYTES,
    )
    await runner.setup()
    site = web.TCPSite(runner, arguments.host, arguments.port, backlog=1024)
    await site.start()
    port: int = runner.addresses[0][1]
    print(f"{BANNER}Serving {arguments.data} on http://{arguments.host}:{port}", flush=True)  # noqa: T201  the banner
    if arguments.port_file is not None:
        _announce(arguments.port_file, port)
    await stop.wait()
    await runner.cleanup()
    store.close()


def _announce(target: Path, port: int) -> None:
    partial = target.with_suffix(".partial")
    partial.write_text(f"{port}\n")
    partial.replace(target)


if __name__ == "__main__":
    main()
