"""Conductor and lakeFS over plain HTTP calls, through the proxies of the environment; nothing is redirected.

urllib3 comes with the kubernetes client; it is loaded on demand.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode

from pydantic import JsonValue

from perago.cli.output import printable
from perago.wire.depth import read_json
from perago.wire.egress import InvalidEgress, Proxies
from perago_console.problems import Forbidden, Misused, NotFound, Unanswered

CONNECT_SECONDS, ANSWER_SECONDS = 10.0, 60.0
LONGEST_ANSWER: Final = 300
"""Characters of a server's own words that a message shows."""


@dataclass(frozen=True)
class Http:
    """A server's API; `headers` carry the credentials."""

    service: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def call(
        self, method: str, path: str, what: str, query: Mapping[str, str] | None = None, *, body: JsonValue = None
    ) -> JsonValue:
        """The answer's JSON; None of an empty one. `what` says what is done, for the message of a failure."""
        import urllib3

        timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=ANSWER_SECONDS)
        try:
            response = self._pool().request(
                method,
                f"{self.url}{path}{'?' + urlencode(query) if query else ''}",
                headers={"Accept": "application/json", **self.headers},
                **({} if body is None else {"json": body}),
                timeout=timeout,
                retries=False,
                redirect=False,
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            reason = printable(str(getattr(error, "reason", None) or error))
            raise Unanswered(
                f"{self.service} cannot be reached at {self.url}: {reason}; check the URL and the network"
            ) from error
        return self._answer(response, what)

    def _answer(self, response: Any, what: str) -> JsonValue:
        status, text = int(response.status), response.data.decode("utf-8", "replace")
        if status >= 300:
            words = f"{self.service} refuses to {what}: {status} {_own_words(text)}"
            kinds = {401: Forbidden, 403: Forbidden, 404: NotFound}
            raise kinds.get(status, Unanswered)(words.rstrip())
        try:
            answer: JsonValue = read_json(text.encode()) if text.strip() else None
        except ValueError as error:
            raise Unanswered(f"{self.url} does not answer in {self.service}'s words; check the URL") from error
        return answer

    def _pool(self) -> Any:
        import urllib3

        authorities = os.environ.get("SSL_CERT_FILE") or None
        try:
            proxy = Proxies.of(os.environ).to(self.url)
        except InvalidEgress as error:
            raise Misused(str(error)) from error
        if proxy is None:
            return urllib3.PoolManager(ca_certs=authorities)
        return urllib3.ProxyManager(proxy.url, proxy_headers=proxy.headers(), ca_certs=authorities)


def _own_words(text: str) -> str:
    """A server's message; the first line of what is no JSON."""
    try:
        words = str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        words = (text.strip().splitlines() or [""])[0]
    line = printable(" ".join(words.split()))
    return line if len(line) <= LONGEST_ANSWER else f"{line[:LONGEST_ANSWER]}…"
