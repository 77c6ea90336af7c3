"""No foreign error gets past an adapter, and each has the port error that says what to do about it."""

import ssl
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
import urllib3.exceptions
from aiohttp.client_reqrep import ConnectionKey
from lakefs_sdk import exceptions as sdk

from perago_operator.adapters import http, lakefs
from perago_operator.ports import (
    AlreadyExists,
    Conflict,
    Expired,
    NotFound,
    PortError,
    QuotaExceeded,
    Refused,
    Unreachable,
)


def descendants(kind: type[BaseException]) -> Iterator[type[BaseException]]:
    """A class and all below it."""
    yield kind
    for below in kind.__subclasses__():
        yield from descendants(below)


def instance(kind: type[BaseException]) -> Any:
    """An exception of that class, whatever its constructor wants."""
    error: Any = kind.__new__(kind)
    error.args = ("words",)
    error.__dict__.update(status=500, body="words", reason="words", partial=0, expected=1, length=b"1")
    error.__dict__["response"] = SimpleNamespace(tell=int, length_remaining=1)
    return error


AIOHTTP = sorted(set(descendants(aiohttp.ClientError)), key=lambda kind: kind.__name__)
URLLIB3 = sorted(set(descendants(urllib3.exceptions.HTTPError)), key=lambda kind: kind.__name__)
SDK = sorted(set(descendants(sdk.OpenApiException)), key=lambda kind: kind.__name__)


@pytest.mark.parametrize("kind", [kind for kind in AIOHTTP if kind is not aiohttp.ClientError])
def test_every_error_of_aiohttp_is_caught(kind: type[BaseException]) -> None:
    """A class that a newer aiohttp brings fails here."""
    assert issubclass(kind, http.FOREIGN)


def test_an_api_server_whose_certificate_is_not_trusted_is_tried_again() -> None:
    """Certificates are renewed, and heartbeats go on; nothing is said of a Secret, which the API server has none of."""
    why = ssl.SSLCertVerificationError(1, "certificate verify failed: certificate has expired")
    host = ConnectionKey("api", 443, is_ssl=True, ssl=True, proxy=None, proxy_auth=None, proxy_headers_hash=None)
    error = http.translated(aiohttp.ClientConnectorCertificateError(host, why), "GET /x")
    assert isinstance(error, Unreachable)
    assert "certificate has expired" in str(error)
    assert "Secret" not in str(error)


@pytest.mark.parametrize("kind", [TimeoutError, ConnectionResetError, BrokenPipeError, ssl.SSLError, OSError])
def test_errors_below_aiohttp_are_caught(kind: type[BaseException]) -> None:
    """Sockets and TLS."""
    assert issubclass(kind, http.FOREIGN)


@pytest.mark.parametrize(
    ("error", "want", "fate_unknown"),
    [
        (TimeoutError(), Unreachable, True),
        (aiohttp.ServerDisconnectedError(), Unreachable, True),
        (aiohttp.ClientPayloadError("cut"), Unreachable, True),
        (aiohttp.ServerTimeoutError("slow"), Unreachable, True),
        (aiohttp.ConnectionTimeoutError("slow"), Unreachable, False),
        (ConnectionResetError("reset"), Unreachable, True),
        (ValueError("not JSON"), Unreachable, True),
        (aiohttp.InvalidURL("x:y"), Refused, None),
        (aiohttp.NonHttpUrlClientError("ftp://x"), Refused, None),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else str(value),
)
def test_an_http_error_says_whether_the_call_may_have_landed(
    error: BaseException, want: type[PortError], fate_unknown: bool | None
) -> None:
    """What never left cannot have been carried out."""
    translated = http.translated(error, "POST /x")
    assert type(translated) is want
    assert getattr(translated, "fate_unknown", None) is fate_unknown


@pytest.mark.parametrize(
    ("status", "reason", "message", "want"),
    [
        (404, "NotFound", "no such pod", NotFound),
        (409, "AlreadyExists", "exists", AlreadyExists),
        (409, "Conflict", "changed", Conflict),
        (412, "", "precondition failed", Conflict),
        (410, "Expired", "too old", Expired),
        (403, "Forbidden", "exceeded quota: compute", QuotaExceeded),
        (403, "Forbidden", "cannot create pods", Refused),
        (429, "TooManyRequests", "slow down", QuotaExceeded),
        (401, "Unauthorized", "who are you", Refused),
        (422, "Invalid", "spec.x", Refused),
        (500, "InternalError", "etcd", Unreachable),
        (503, "", "starting", Unreachable),
        (http.NO_STATUS, "", "what?", Unreachable),
    ],
)
def test_a_status_has_one_port_error(status: int, reason: str, message: str, want: type[PortError]) -> None:
    """One table for all services."""
    error = http.refusal(status, reason, message, "POST /x")
    assert type(error) is want
    assert message in str(error)
    assert "POST /x" in str(error)


@pytest.mark.parametrize("status", [http.NO_STATUS, 408, 423, 425, 500, 502, 503, 504, 599])
def test_a_server_error_may_have_landed(status: int) -> None:
    """A gateway in between gives up on a call that the server carries out; who says "later" is asked again."""
    error = http.refusal(status, "", "bad gateway", "POST /x")
    assert isinstance(error, Unreachable)
    assert error.fate_unknown


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 410, 412, 413, 422, 429])
def test_a_refusal_never_landed(status: int) -> None:
    """The server has decided not to do it."""
    assert not getattr(http.refusal(status, "", "no", "POST /x"), "fate_unknown", False)


@pytest.mark.parametrize("status", [400, 413, 422])
def test_an_object_that_is_wrong_is_refused_every_time(status: int) -> None:
    """Malformed, too large, or against its schema."""
    error = http.refusal(status, "", "no", "POST /x")
    assert isinstance(error, Refused)
    assert error.invalid


@pytest.mark.parametrize("status", [401, 403, 405, 451])
def test_other_refusals_may_pass(status: int) -> None:
    """Rights can be given, credentials corrected."""
    error = http.refusal(status, "", "no", "POST /x")
    assert isinstance(error, Refused)
    assert not error.invalid


@pytest.mark.parametrize("kind", [*URLLIB3, *SDK])
def test_every_error_of_the_lakefs_sdk_is_caught(kind: type[BaseException]) -> None:
    """Its own, and those of urllib3 below it."""
    assert issubclass(kind, lakefs.FOREIGN)
    assert isinstance(lakefs.translated(instance(kind), "x"), PortError)


@pytest.mark.parametrize(
    ("status", "want"),
    [
        (401, Refused),
        (404, NotFound),
        (409, Conflict),
        (412, Conflict),
        (429, QuotaExceeded),
        (500, Unreachable),
        (0, Unreachable),
    ],
)
def test_a_status_of_lakefs_has_one_port_error(status: int, want: type[PortError]) -> None:
    """The SDK has classes for a few of them only."""
    answer = sdk.ApiException(status=status, reason="why")
    answer.body = '{"message": "its own words"}'
    error = lakefs.translated(answer, "x")
    assert type(error) is want
    assert getattr(error, "fate_unknown", want is Unreachable) == (want is Unreachable)


def test_a_404_of_something_on_the_way_does_not_say_that_anything_is_gone() -> None:
    """Only lakeFS knows, and it says so in words of its own."""
    error = lakefs.translated(sdk.ApiException(status=404, reason="Not Found"), "x")
    assert isinstance(error, Unreachable)
    assert error.fate_unknown


def test_a_refused_connection_to_lakefs_never_left() -> None:
    """urllib3 wraps it into MaxRetryError."""
    pool: Any = None
    refused = urllib3.exceptions.NewConnectionError(pool, "refused")
    error = lakefs.translated(urllib3.exceptions.MaxRetryError(pool, "/x", refused), "x")
    assert isinstance(error, Unreachable)
    assert not error.fate_unknown


def test_a_lost_answer_of_lakefs_may_have_landed() -> None:
    """A read time-out, wrapped likewise."""
    pool: Any = None
    late = urllib3.exceptions.ReadTimeoutError(pool, "/x", "late")
    error = lakefs.translated(urllib3.exceptions.MaxRetryError(pool, "/x", late), "x")
    assert isinstance(error, Unreachable)
    assert error.fate_unknown
