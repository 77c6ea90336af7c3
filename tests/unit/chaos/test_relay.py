"""What each mode of the relay does to a connection."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.chaos.relay import HELD_UP_SECONDS, Route
from tests.fakes.waiting import in_time, until

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Echo:
    """A server that answers with what it gets, and remembers it."""

    def __init__(self) -> None:
        self.got = b""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        while piece := await reader.read(100):
            self.got += piece
            writer.write(piece)
            await writer.drain()
        writer.close()


class Way:
    """A route to an echo, in front of which its orders lie in a folder."""

    def __init__(self, folder: Path, route: Route, echo: Echo, port: int) -> None:
        self._folder, self._route, self.echo, self._port = folder, route, echo, port

    async def set(self, mode: str) -> None:
        """Order a mode, and wait until it is followed."""
        (self._folder / "server").write_text(mode)
        await until(lambda: self._route.mode == mode, pause=0.01)

    async def connected(self) -> Streams:
        """A client's connection."""
        return await asyncio.open_connection("127.0.0.1", self._port)


@asynccontextmanager
async def relayed(folder: Path) -> AsyncIterator[Way]:
    """A relay in front of an echo, on loopback."""
    echo = Echo()
    target = await asyncio.start_server(echo.serve, "127.0.0.1", 0)
    route = Route("server", folder, "127.0.0.1", target.sockets[0].getsockname()[1])
    relay = await asyncio.start_server(route.serve, "127.0.0.1", 0)
    following = asyncio.create_task(route.follow())
    try:
        yield Way(folder, route, echo, relay.sockets[0].getsockname()[1])
    finally:
        following.cancel()
        relay.close()
        target.close()


async def said(streams: Streams, text: bytes) -> None:
    """Send something."""
    streams[1].write(text)
    await streams[1].drain()


async def nothing_comes(streams: Streams) -> bool:
    """Whether no answer arrives for a while."""
    try:
        await asyncio.wait_for(streams[0].read(1), 0.3)
    except TimeoutError:
        return True
    return False


async def test_connections_pass(tmp_path: Path) -> None:
    """Without an order, and when the client has said everything, the answer still comes."""
    async with relayed(tmp_path) as way:
        reader, writer = client = await way.connected()
        await said(client, b"hello")
        writer.write_eof()
        assert await in_time(reader.read()) == b"hello"


async def test_a_cut_ends_and_refuses_connections(tmp_path: Path) -> None:
    """Those that are open end; a new one ends before it has an answer."""
    async with relayed(tmp_path) as way:
        old = await way.connected()
        await said(old, b"x")
        assert await in_time(old[0].read(1)) == b"x"
        await way.set("cut")
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await in_time(old[0].readexactly(1))
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await in_time((await way.connected())[0].readexactly(1))


@pytest.mark.parametrize("opened", ["before", "while"])
async def test_what_hangs_goes_on_later(tmp_path: Path, opened: str) -> None:
    """Nothing reaches the server until it is over, and then everything does."""
    async with relayed(tmp_path) as way:
        early = await way.connected()
        await way.set("hang")
        client = early if opened == "before" else await way.connected()
        await said(client, b"x")
        assert await nothing_comes(client)
        assert way.echo.got == b""
        await way.set("pass")
        assert await in_time(client[0].readexactly(1)) == b"x"


async def test_a_mute_server_gets_requests_and_their_answers_are_lost(tmp_path: Path) -> None:
    """Afterwards the connection ends without the answer."""
    async with relayed(tmp_path) as way:
        client = await way.connected()
        await way.set("mute")
        await said(client, b"x")
        assert await nothing_comes(client)
        assert way.echo.got == b"x"
        await way.set("pass")
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await in_time(client[0].readexactly(1))


async def test_a_slow_way_loses_nothing(tmp_path: Path) -> None:
    """The answer comes late and whole."""
    async with relayed(tmp_path) as way:
        await way.set("slow")
        client, clock = await way.connected(), asyncio.get_running_loop().time
        began = clock()
        await said(client, b"hello")
        assert await in_time(client[0].readexactly(5)) == b"hello"
        assert clock() - began >= 2 * HELD_UP_SECONDS  # there and back
