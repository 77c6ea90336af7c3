"""What client and server see of each fault."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.faults.kinds import Fault, Held, Late, cut_before, lost, silent
from tests.faults.proxy import HttpExchange, Proxy, Target, answered, cut_after, cut_within, delayed, demanding, proxied


class Upstream:
    """A server that remembers the bodies it has been sent and echoes them."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    async def handle(self, request: web.Request) -> web.Response:
        self.bodies.append(await request.read())
        return web.Response(body=b"echo " + self.bodies[-1], headers={"X-Host": request.host})


@pytest.fixture
def upstream() -> Upstream:
    return Upstream()


@pytest.fixture
async def target(upstream: Upstream) -> AsyncIterator[str]:
    """The server's address, with a path."""
    application = web.Application(client_max_size=2**30)
    application.router.add_route("*", "/{path:.*}", upstream.handle)
    async with TestServer(application) as server:
        yield str(server.make_url("/api"))


@pytest.fixture
def proxy(target: str) -> Iterator[Proxy]:
    with proxied(target) as proxy:
        yield proxy


async def post(proxy: Proxy, body: bytes = b"work", path: str = "/jobs") -> tuple[int, bytes]:
    """One call; any failure of its connection is a ConnectionError."""
    timeout = aiohttp.ClientTimeout(total=10)
    try:
        async with aiohttp.request("POST", proxy.url + path, data=body, timeout=timeout) as response:
            return response.status, await response.read()
    except aiohttp.ClientError as error:
        raise ConnectionError(str(error)) from error


async def test_requests_pass_unchanged(proxy: Proxy, upstream: Upstream, target: str) -> None:
    """Bodies of any size go both ways, the server sees its own name, and the lines are remembered."""
    body = bytes(range(256)) * 8192
    assert await post(proxy, body) == (200, b"echo " + body)
    async with aiohttp.request("PUT", f"{proxy.url}/x?y=1") as response:
        assert f"http://{response.headers['X-Host']}/api" == target
    assert proxy.seen == ["POST /api/jobs", "PUT /api/x?y=1"]
    assert upstream.bodies == [body, b""]


@pytest.mark.parametrize(
    ("fault", "worked"), [(cut_before, False), (lost, True), (cut_within, True)], ids=["before", "lost", "within"]
)
async def test_a_cut_connection(proxy: Proxy, upstream: Upstream, fault: Fault[HttpExchange], worked: bool) -> None:
    """The client gets no usable answer; whether the server has done the work is the fault's."""
    proxy.on("POST .*/jobs", fault)
    with pytest.raises(ConnectionError):
        await post(proxy)
    assert upstream.bodies == ([b"work"] if worked else [])
    assert await post(proxy, b"again") == (200, b"echo again")


async def test_a_connection_that_ends_when_it_is_used_again(proxy: Proxy, upstream: Upstream) -> None:
    """The first answer arrives whole; what is sent after it on the same connection is lost."""
    proxy.on("POST", cut_after)
    async with aiohttp.ClientSession() as session:
        async with session.post(f"{proxy.url}/jobs", data=b"first") as response:
            assert await response.read() == b"echo first"
        with pytest.raises(aiohttp.ClientError):
            await session.post(f"{proxy.url}/jobs", data=b"second")
    assert upstream.bodies == [b"first"]


async def test_a_server_that_says_nothing(proxy: Proxy, upstream: Upstream) -> None:
    """No answer comes, and the server has not seen the request."""
    proxy.on("POST", silent)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(post(proxy), 0.2)
    assert upstream.bodies == []


async def test_a_held_answer_comes_when_it_is_released(proxy: Proxy, upstream: Upstream) -> None:
    """Between the work and its answer the test may do as it likes."""
    held = Held()
    proxy.on("POST", held)
    call = asyncio.create_task(post(proxy))
    await held.reached()
    assert upstream.bodies == [b"work"]
    assert not call.done()
    held.release()
    assert await call == (200, b"echo work")


async def test_a_late_request_lands_after_the_client_has_given_up(proxy: Proxy, upstream: Upstream) -> None:
    """The server gets the whole request from a client that has long gone."""
    late = Late()
    proxy.on("POST", late)
    with pytest.raises(ConnectionError):
        await post(proxy, b"x" * 2**20)
    assert upstream.bodies == []
    await late.land()
    assert upstream.bodies == [b"x" * 2**20]


async def test_a_delayed_request_is_answered(proxy: Proxy, upstream: Upstream) -> None:
    """The server sees it only then."""
    proxy.on("POST", delayed(0.1))
    assert await post(proxy) == (200, b"echo work")


async def test_an_answer_of_something_on_the_way(proxy: Proxy, upstream: Upstream) -> None:
    """The status and body of a gateway, as often as it was asked for."""
    proxy.on("POST", answered(502, b"<html>"), times=2)
    assert [await post(proxy) for _ in range(2)] == [(502, b"<html>")] * 2
    assert upstream.bodies == []
    assert (await post(proxy))[0] == 200


async def test_refused_connections(proxy: Proxy) -> None:
    """Nobody listens in the block, and afterwards the address is the same."""
    with proxy.refusing(), pytest.raises(ConnectionError, match="Cannot connect"):
        await post(proxy)
    assert (await post(proxy))[0] == 200


async def test_a_server_that_is_away(proxy: Proxy) -> None:
    """Its refusal is a cut connection for the client."""
    proxy.target = Target("http://127.0.0.1:9")
    with pytest.raises(ConnectionError):
        await post(proxy)


async def test_a_fault_lasts_until_it_is_cleared(proxy: Proxy) -> None:
    """`times=None`, for requests that match; others pass."""
    proxy.on("/jobs$", cut_before, times=None)
    for _ in range(3):
        with pytest.raises(ConnectionError):
            await post(proxy)
    assert (await post(proxy, path="/other"))[0] == 200
    proxy.clear()
    assert (await post(proxy))[0] == 200


async def test_a_fault_of_the_tests_own(proxy: Proxy) -> None:
    """It may look at the request and change the answer."""
    bodies = []

    async def shouting(exchange: HttpExchange) -> None:
        answer = await exchange.answer()
        bodies.append(exchange.body)
        await exchange.send(answer.replace(b"echo", b"ECHO"))

    proxy.on("POST", shouting)
    assert await post(proxy) == (200, b"ECHO work")
    assert bodies == [b"work"]


async def test_a_blocking_test_uses_it_alike(proxy: Proxy) -> None:
    """`wait` is `reached` for tests without a loop."""
    held = Held()
    proxy.on("POST", held)
    call = asyncio.create_task(post(proxy))
    await asyncio.to_thread(held.wait)
    held.release()
    assert (await call)[0] == 200


@pytest.mark.parametrize("times", [1, None])
def test_a_fault_that_nothing_met_fails_the_test(times: int | None) -> None:
    """Else a test would pass without having tested anything."""
    with pytest.raises(AssertionError, match="no request met 'POST'"), proxied("http://127.0.0.1:9") as proxy:
        proxy.on("POST", lost, times)


async def test_requests_that_meet_no_fault_can_be_watched(proxy: Proxy) -> None:
    """`otherwise` takes the place of passing them on, and need not have been met."""
    lines = []

    async def watched(exchange: HttpExchange) -> None:
        lines.append(exchange.line)
        await exchange.pass_on()

    proxy.otherwise = watched
    proxy.on("/jobs$", cut_before)
    with pytest.raises(ConnectionError):
        await post(proxy)
    assert (await post(proxy, path="/other"))[0] == 200
    assert lines == ["POST /api/other"]


async def test_what_a_fault_raises_fails_the_test(target: str) -> None:
    """A mistake in a fault does not look like a broken connection."""

    async def wrong(exchange: HttpExchange) -> None:
        raise ValueError(exchange.line)

    with pytest.raises(ValueError, match="POST /api/jobs"), proxied(target) as proxy:  # noqa: PT012 - raised at its end
        proxy.on("POST", wrong)
        with pytest.raises(ConnectionError):
            await post(proxy)


def test_nothing_is_left() -> None:
    """The thread ends with the block; a proxy of another test may run beside it."""
    before = set(threading.enumerate())
    with proxied("http://127.0.0.1:9"):
        assert [thread.name for thread in set(threading.enumerate()) - before] == ["proxy"]
    assert set(threading.enumerate()) <= before


@pytest.mark.parametrize(("value", "status"), [("right", 200), ("wrong", 401)])
async def test_a_header_can_be_demanded(proxy: Proxy, upstream: Upstream, value: str, status: int) -> None:
    """Requests that have it reach the server, and the others do not."""
    proxy.otherwise = demanding("X-Key", "right", answered(401))
    async with aiohttp.request("POST", proxy.url + "/jobs", data=b"work", headers={"x-key": value}) as response:
        assert response.status == status
    assert upstream.bodies == ([b"work"] if status == 200 else [])
