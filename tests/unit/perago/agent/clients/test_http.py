"""Retries: only after NoAnswer, for as long as given; and many things at once, bounded."""

import aiohttp
import pytest

from perago.agent.clients.http import NoAnswer, Server, answering, basic_auth, retried, transient

SILENCE = NoAnswer(Server.CONDUCTOR, "silent")


class Flaky:
    """Fails `failures` times with `error`, then answers."""

    def __init__(self, failures: int, error: Exception) -> None:
        self.failures, self.error, self.calls = failures, error, 0

    async def __call__(self) -> str:
        self.calls += 1
        if self.calls <= self.failures:
            raise self.error
        return "answer"


async def test_no_answer_is_tried_again() -> None:
    """Until there is one."""
    call = Flaky(2, SILENCE)
    assert await retried(call, 10) == "answer"
    assert call.calls == 3


async def test_a_refusal_is_not_tried_again() -> None:
    """A no is an answer."""
    call = Flaky(2, ValueError("no"))
    with pytest.raises(ValueError, match="no"):
        await retried(call, 10)
    assert call.calls == 1


async def test_when_time_is_over_the_last_error_is_raised() -> None:
    """It says which server was silent."""
    with pytest.raises(NoAnswer, match="silent"):
        await retried(Flaky(99, SILENCE), 0)


@pytest.mark.parametrize(
    "error", [aiohttp.ClientPayloadError("cut"), TimeoutError(), ConnectionResetError(), aiohttp.ClientOSError()]
)
async def test_a_broken_exchange_is_no_answer(error: Exception) -> None:
    """Whatever the client library calls it; who and what are named."""
    with pytest.raises(NoAnswer, match=r"lakeFS did not answer \(list\)"):
        async with answering(Server.LAKEFS, "list"):
            raise error


@pytest.mark.parametrize(("status", "want"), [(429, True), (500, True), (503, True), (404, False), (412, False)])
def test_statuses_that_say_try_again(status: int, want: bool) -> None:
    """Overload and the server's own failures."""
    assert transient(status) is want


def test_basic_auth_is_the_header_of_rfc_7617() -> None:
    """User and password in UTF-8."""
    assert basic_auth("Aladdin", "open sesame") == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="
