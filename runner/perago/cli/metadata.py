"""Conductor's definitions, read and written through conductor-python, which is loaded here alone and on demand."""

import json
import logging
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

from perago.cli.credentials import Address, Credentials, Header, KeyPair
from perago.cli.definitions import Object
from perago.cli.output import Misused, Unusable, printable
from perago.problems import Problem

INSTALL = "perago register needs the package conductor-python: install it with pip install 'perago[conductor]'"
SECONDS = 120.0
CONNECT_SECONDS = 10.0
"""Both as in conductor-python: a busy server answers late."""
LONGEST_ANSWER = 500
"""Characters of a server's own words that a message shows."""

T = TypeVar("T")


class ConductorFailed(Unusable):
    """Conductor cannot be reached, or refuses a request; the message says which, and what to do."""

    exit_code = 3

    def __init__(self, message: str) -> None:
        super().__init__([Problem(message)])


class Metadata:
    """The definitions of one server. Every method raises ConductorFailed that names the object and the remedy."""

    def __init__(self, address: Address) -> None:
        self._address = address
        header = address.credentials
        if isinstance(header, KeyPair):
            header = self._token(header)
        self._api = _client(address.url, header)

    def taskdef(self, name: str) -> Object | None:
        """The definition of a task; None if there is none."""
        return self._definition(f"task {name!r}", name, "/metadata/taskdefs/{name}", {"name": name})

    def workflow(self, name: str, version: int) -> Object | None:
        """This version of a workflow's definition; None if there is none."""
        query = [("version", version)]
        what = f"workflow {name!r}, version {version}"
        return self._definition(what, name, "/metadata/workflow/{name}", {"name": name}, query)

    def save_taskdef(self, definition: Object, is_new: bool) -> None:
        """Register a task's definition, or replace the one that is there."""
        what = f"task {definition['name']!r}"
        if is_new:
            self._asked(f"register {what}", lambda: self._call("/metadata/taskdefs", "POST", body=[definition]))
        else:
            self._asked(f"update {what}", lambda: self._call("/metadata/taskdefs", "PUT", body=definition))

    def save_workflow(self, definition: Object) -> None:
        """Register a workflow's definition, or replace the one of this version."""
        what = f"workflow {definition['name']!r}"
        answer = self._asked(f"register {what}", lambda: self._call("/metadata/workflow", "PUT", body=[definition]))
        errors = answer.get("bulkErrorResults") if isinstance(answer, dict) else None
        if errors:
            raise ConductorFailed(f"Conductor refuses to register {what}: {_cut('; '.join(map(str, errors.values())))}")

    def _token(self, pair: KeyPair) -> Header:
        client, body = _client(self._address.url, None), {"keyId": pair.key, "keySecret": pair.secret}
        answer = self._asked(
            "exchange the key for a token",
            lambda: client.call_api("/token", "POST", body=body, response_type="object", _return_http_data_only=True),
        )
        if not isinstance(answer, dict) or not answer.get("token"):
            raise ConductorFailed(f"{self._address.url}/token answers without a token; is this a Conductor with keys?")
        return Header("X-Authorization", str(answer["token"]), pair.source)

    def _definition(self, what: str, name: str, path: str, path_params: Object, query: Any = None) -> Object | None:
        from conductor.client.http.rest import ApiException  # type: ignore[import-untyped]

        def read() -> Any:
            try:
                return self._call(path, "GET", path_params=path_params, query_params=query)
            except ApiException as error:
                if _says_absent(error, name):
                    return None
                raise

        answer = self._asked(f"read {what}", read)
        if answer is not None and not isinstance(answer, dict):
            raise ConductorFailed(
                f"{self._address.url} does not answer as Conductor's API does; the URL usually ends in /api"
            )
        return answer

    def _call(self, path: str, method: str, **arguments: Any) -> Any:
        return self._api.call_api(path, method, response_type="object", _return_http_data_only=True, **arguments)

    def _asked(self, what: str, call: Callable[[], T]) -> T:
        from conductor.client.http.rest import ApiException

        try:
            return call()
        except ApiException as error:
            _explain(error, what, self._address)


def _client(url: str, header: Header | None) -> Any:
    """The official client with this one header; what its environment variables say does not count."""
    try:
        from conductor.client.configuration.configuration import Configuration  # type: ignore[import-untyped]
        from conductor.client.http import api_client  # type: ignore[import-untyped]
    except ImportError as error:
        raise Misused(f"{INSTALL} ({error})") from error
    import httpx

    api_client.logger.disabled = True  # it logs what is raised as well
    logging.getLogger("httpx").setLevel(logging.WARNING)
    configuration = Configuration(server_api_url=url)
    configuration.authentication_settings = None
    # A client of our own honours proxies and SSL_CERT_FILE, and carries credentials to no other host.
    configuration.http_connection = httpx.Client(timeout=httpx.Timeout(SECONDS, connect=CONNECT_SECONDS))
    named = {} if header is None else {"header_name": header.name, "header_value": header.value}
    return api_client.ApiClient(configuration, **named)


def _says_absent(error: Any, name: str) -> bool:
    """Whether a 404 is Conductor's own word for "there is none", and not one of a proxy or of a wrong path."""
    message = _message(error)
    return bool(error.status == 404 and name in message and not message.startswith("No static resource"))


def _unreachable(reason: str, url: str) -> str:
    remedy = "check the URL and the network"
    if "CERTIFICATE_VERIFY_FAILED" in reason:
        remedy = "name the file with its authority's certificates in SSL_CERT_FILE"
    return f"Conductor cannot be reached at {url}: {_cut(reason)}; {remedy}"


def _explain(error: Any, what: str, address: Address) -> NoReturn:
    remedy = {
        0: _unreachable(str(error.reason), address.url),
        401: f"Conductor refuses to {what}: 401, {_unauthenticated(address.credentials)}",
        403: f"Conductor refuses to {what}: 403, {_with(address.credentials)} may not do this; ask for the permission",
        404: f"Conductor cannot {what}: 404 {_cut(_message(error))}; check that {address.url} is its API",
        409: f"Conductor refuses to {what}: 409 {_cut(_message(error))}; somebody may be changing it, so try again",
    }
    status = int(error.status or 0)
    raise ConductorFailed(remedy.get(status) or _other(error, status, what)) from error


def _other(error: Any, status: int, what: str) -> str:
    words = _cut(_message(error) or str(error.reason or ""))
    if 300 <= status < 400:
        return f"Conductor cannot {what}: {status}, the URL redirects; pass the address that it redirects to"
    if status >= 500:
        return f"Conductor fails to {what}: {status} {words}; try again, and look into the server's log if it persists"
    return f"Conductor refuses to {what}: {status} {words}; correct the definition"


def _unauthenticated(credentials: Credentials | None) -> str:
    if credentials is None:
        return (
            "it wants credentials: set CONDUCTOR_AUTH_TOKEN, CONDUCTOR_AUTH_KEY and CONDUCTOR_AUTH_SECRET, "
            "or CONDUCTOR_USERNAME and CONDUCTOR_PASSWORD"
        )
    return f"it does not accept {credentials.source}; renew it, or see --token-header if it is a token"


def _with(credentials: Credentials | None) -> str:
    return "an unknown user" if credentials is None else credentials.source


def _message(error: Any) -> str:
    """The server's own words: its message, with what its validation has found."""
    try:
        body = json.loads(error.body)
        messages = [str(problem["message"]) for problem in body.get("validationErrors") or []]
        return "; ".join(messages) or str(body["message"])
    except (ValueError, TypeError, KeyError, AttributeError):
        return ""


def _cut(text: str) -> str:
    line = printable(" ".join(text.split()))
    return line if len(line) <= LONGEST_ANSWER else f"{line[:LONGEST_ANSWER]}…"
