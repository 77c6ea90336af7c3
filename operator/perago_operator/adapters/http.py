"""One table from HTTP statuses to port errors, for all servers, and one from aiohttp's errors.

It knows no server's API: the caller adds the path, and reads the server's own words from an error's body.
"""

import asyncio
import ssl

import aiohttp
from aiohttp.abc import AbstractStreamWriter
from aiohttp.payload import BytesPayload

from perago.wire.egress import LATER, redirection
from perago_operator.ports import (
    AlreadyExists,
    Conflict,
    Expired,
    Gate,
    NotFound,
    PortError,
    QuotaExceeded,
    Refused,
    Unreachable,
)

NEVER_SENT: tuple[type[BaseException], ...] = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.ServerFingerprintMismatch,
)
"""The request never left: connecting failed. Trying again cannot do anything twice."""

ANSWER_LOST: tuple[type[BaseException], ...] = (
    aiohttp.ClientConnectionError,
    aiohttp.ClientPayloadError,
    aiohttp.UploadAbortedError,
    aiohttp.ContentTypeError,
    asyncio.TimeoutError,
    ConnectionError,
    ssl.SSLError,
    OSError,
    ValueError,
)
"""The request may have been carried out: the connection broke, time ran out, or the answer makes no sense."""

MISCONFIGURED: tuple[type[BaseException], ...] = (
    aiohttp.InvalidURL,
    aiohttp.NonHttpUrlClientError,
    aiohttp.RedirectClientError,
    aiohttp.TooManyRedirects,
    aiohttp.ClientHttpProxyError,
    aiohttp.WSServerHandshakeError,
    aiohttp.ClientResponseError,
)
"""Something other than the expected server answers at this address; only a person can fix that."""

FOREIGN = (*MISCONFIGURED, *NEVER_SENT, *ANSWER_LOST)
"""What a call may raise, narrow before wide; `translated` maps all of them."""


OF_THE_CLUSTER = "check the authority that the kubeconfig or the service account names"
OF_A_SECRET = "put the certificate of its authority into its Secret (ca.crt), or into trustedCA"
"""What helps against a certificate that is not trusted."""


def translated(error: BaseException, what: str, *, authority: str = OF_THE_CLUSTER) -> PortError:
    """The port error for one of `FOREIGN`, raised by the call that `what` describes.

    `authority` says what helps against a certificate that is not trusted.
    """
    if isinstance(error.__cause__, PortError):  # what a gate has raised
        return error.__cause__
    text = f"{what}: {_words(error)}"
    if isinstance(error, aiohttp.ContentTypeError):
        return Unreachable(f"{text}; try again later", fate_unknown=True)
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return untrusted(error.certificate_error, what, authority)
    if isinstance(error, MISCONFIGURED):
        return Refused(f"{text}; check the server's address", status=0, message=_words(error))
    if isinstance(error, NEVER_SENT):
        return Unreachable(f"{text}; check that the server runs and can be reached")
    return Unreachable(f"{text}; try again later", fate_unknown=True)


def untrusted(error: Exception, what: str, authority: str) -> Unreachable:
    """The port error for a certificate that is not trusted: servers renew theirs, and Secrets are read again."""
    why = getattr(error, "verify_message", None) or str(error)
    return Unreachable(f"{what}: the server's certificate is not trusted: {why}; {authority}")


def refuse_redirection(response: aiohttp.ClientResponse, what: str) -> None:
    """Raises Refused for an answer that points elsewhere."""
    if elsewhere := redirection(response.status, response.headers.get("Location")):
        raise Refused(f"{what}: {elsewhere}", status=response.status, message=elsewhere)


def _words(error: BaseException) -> str:
    return str(error) or type(error).__name__


NO_STATUS = 0
"""The status of an answer that cannot be understood."""


def refusal(status: int, reason: str, message: str, what: str) -> PortError:
    """The port error for an HTTP status of 400 or more; `reason` is Kubernetes' machine-readable word, if any."""
    text = f"{what}: HTTP {status}: {message}"
    match status:
        case 404:
            return NotFound(text)
        case 409 if reason == "AlreadyExists":
            return AlreadyExists(text)
        case 409 | 412:
            return Conflict(text)
        case 410:
            return Expired(text)
        case 403 if "exceeded quota" in message:
            return QuotaExceeded(text)
        case 429:
            return QuotaExceeded(text)
        case 401:
            return Refused(f"{text}; check the credentials", status=status, message=message)
        case _ if status >= 500 or status in LATER or status == NO_STATUS:
            return Unreachable(text, fate_unknown=True)
        case _:
            return Refused(text, status=status, message=message)


class GatedBody(BytesPayload):
    """The body of a request that changes something. Its headers leave together with it, or not at all.

    Between the call and this moment a request may wait for a connection, and for its turn in the event loop.
    """

    def __init__(self, data: bytes, gate: Gate) -> None:
        super().__init__(data)
        self._gate = gate

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        self._gate()
        await super().write_with_length(writer, content_length)


async def never_repeat(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Middleware that keeps aiohttp from sending a GET again, of its own accord, after a lost connection."""
    try:
        return await handler(request)
    except NEVER_SENT:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise aiohttp.ClientPayloadError(f"the connection ended before the answer: {_words(error)}") from error
