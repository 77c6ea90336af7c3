"""The relay: a program that passes connections on to servers, well or badly, as a file for each of them says.

It runs as a pod of the environment, on the Python of the runner's image alone: `python relay.py FOLDER`. In FOLDER,
`routes.json` says `{"conductor": {"port": 8080, "host": …, "to": 8080}, …}`. The file `conductor` holds how connections
to Conductor go; without it, they pass:

    cut   connections are ended, and new ones are refused
    hang  connections are taken, and nothing gets through in either direction until this is over
    mute  requests get through; the answers do not, and their connections are ended when this is over
    slow  each piece is held up for a while
"""

import asyncio
import contextlib
import json
import sys
from pathlib import Path

PASS, CUT, HANG, MUTE, SLOW = "pass", "cut", "hang", "mute", "slow"
LOOK_SECONDS = 0.1
PIECE_BYTES = 2**16
HELD_UP_SECONDS = 0.4


class Route:
    """The way to one server."""

    def __init__(self, name: str, folder: Path, host: str, port: int) -> None:
        self._file, self._host, self._port = folder / name, host, port
        self._open: set[asyncio.Task[None]] = set()
        self.mode = PASS

    async def follow(self) -> None:
        """Do what the file says, for ever."""
        while True:
            mode = self._file.read_text().strip() if self._file.exists() else PASS
            if mode != self.mode:
                ends = mode == CUT or self.mode == MUTE
                self.mode = mode
                if ends:
                    for task in self._open:
                        task.cancel()
            await asyncio.sleep(LOOK_SECONDS)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        task = asyncio.current_task()
        if self.mode == CUT or task is None:
            writer.transport.abort()
            return
        self._open.add(task)
        try:
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await self._passed(reader, writer)
        finally:
            self._open.discard(task)
            writer.transport.abort()

    async def _passed(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while self.mode == HANG:  # noqa: ASYNC110 -- modes change a few times an hour
            await asyncio.sleep(LOOK_SECONDS)
        from_server, to_server = await asyncio.open_connection(self._host, self._port)
        ways = [
            asyncio.create_task(self._pieces(reader, to_server, {HANG})),
            asyncio.create_task(self._pieces(from_server, writer, {HANG, MUTE})),
        ]
        try:
            await asyncio.gather(*ways)
        finally:
            for way in ways:
                way.cancel()
            to_server.transport.abort()

    async def _pieces(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, held: set[str]) -> None:
        while piece := await reader.read(PIECE_BYTES):
            if self.mode == SLOW:
                await asyncio.sleep(HELD_UP_SECONDS)
            while self.mode in held:  # noqa: ASYNC110 -- modes change a few times an hour
                await asyncio.sleep(LOOK_SECONDS)
            writer.write(piece)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


async def main(folder: Path, address: str = "0.0.0.0") -> None:
    """Serve all routes for ever."""
    following = []
    for name, route in json.loads((folder / "routes.json").read_text()).items():
        way = Route(name, folder, route["host"], route["to"])
        await asyncio.start_server(way.serve, address, route["port"])
        following.append(way.follow())
    await asyncio.gather(*following)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
