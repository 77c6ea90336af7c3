"""The block store behind lakeFS, by URLs that lakeFS has signed: one client a thread.

Whoever has such a URL has the object, so none is ever part of a text; neither are the store's own words, which may
repeat the signature, but for their code. The keys of lakeFS do not go there, and a redirection is not followed.
"""

import base64
import re
import ssl
import threading
from typing import Final
from urllib.parse import SplitResult, urlsplit

from loguru import logger

from perago.agent.clients.channel import lines
from perago.agent.clients.exchange import Body, Connection, Head
from perago.agent.clients.http import NoAnswer, Server, describe, reason_of, seconds_of, transient
from perago.wire.egress import Route

LATER: Final = frozenset({"BadDigest", "RequestTimeout", "SlowDown"})
"""S3's codes for what may go well the next time, though the status is that of a refusal."""
ERROR_BYTES: Final = 64 * 1024
_CODE: Final = re.compile(rb"<Code>([A-Za-z0-9.]{1,64})</Code>")


class StoreUseless(Exception):
    """The store cannot be reached from here, or does not accept what lakeFS has signed. The text names no URL."""

    def __init__(self, text: str, *, refused: bool) -> None:
        super().__init__(text)
        self.refused = refused
        """Whether the store has answered: the URL may have expired."""


class StoreSilent(NoAnswer):
    """The store gave no usable answer, which may be different the next time."""


class Presigning:
    """Whether objects go straight to the block store, and no longer once that was of no use. For any thread."""

    def __init__(self, wanted: bool = True) -> None:
        self.is_known = not wanted
        """Whether lakeFS need not be asked any more."""
        self.bodies = self.parts = False
        self._served = False
        self._lock = threading.Lock()

    def offered(self, *, bodies: bool, parts: bool) -> None:
        """What the server can sign: whole objects, and parts of uploads."""
        self.is_known, self.bodies, self.parts = True, bodies, bodies and parts

    def served(self) -> None:
        """The store has answered as it should."""
        self._served = True

    def worth_waiting(self) -> bool:
        """Whether a store that does not answer has an outage; one that never answered may be out of reach."""
        return self._served

    def give_up(self, why: str) -> None:
        """From here on everything goes through lakeFS; the log says so once."""
        with self._lock:
            tried, self.bodies, self.parts = self.bodies, False, False
        if tried:
            logger.warning("objects go through lakeFS from here on, not straight to its block store: {}", why)

    def give_up_parts(self, why: str) -> None:
        """From here on large files are uploaded through lakeFS."""
        with self._lock:
            tried, self.parts = self.parts, False
        if tried:
            logger.warning("large files are uploaded through lakeFS from here on, not in parts: {}", why)


class Store:
    """Connections to the store, which may have several hosts; `abort` is for any thread."""

    def __init__(self, route: Route, stall_seconds: float) -> None:
        """`route` is that to lakeFS: the same proxies and authorities hold for the store."""
        self._route = route
        self._stall_seconds = stall_seconds
        self._connections: dict[str, Connection] = {}
        self._aborted = False

    def get(self, url: str, first: int, last: int | None, what: str) -> Connection:
        """A connection with the bytes from `first` to `last` to be read; raises StoreUseless, StoreSilent."""
        ranged = first > 0 or last is not None
        headers = "Accept-Encoding: identity\r\n"
        if ranged:
            headers += f"Range: bytes={first}-{'' if last is None else last}\r\n"
        head, connection = self._ask("GET", url, headers, what)
        if ranged and head.status != 206:
            connection.close()
            raise StoreUseless(f"{_name(urlsplit(url))} has no parts of objects: {head.status}", refused=True)
        return connection

    def put(self, url: str, size: int, body: Body, md5: bytes, what: str) -> str:
        """Store `size` bytes of `body`, which the store compares with their MD5; returns the ETag.

        Raises StoreUseless, StoreSilent.
        """
        headers = {"Content-MD5": base64.b64encode(md5).decode()}
        if ".blob.core." in (urlsplit(url).hostname or ""):
            headers["x-ms-blob-type"] = "BlockBlob"  # Azure refuses a PUT without it
        head, connection = self._ask("PUT", url, lines(headers), what, size, body)
        try:
            connection.read(ERROR_BYTES)
        except OSError as error:
            raise _silent(_name(urlsplit(url)), what, error) from error
        return head.exact(b"etag") or ""

    def abort(self) -> None:
        """Let a call that is under way fail, and every later one."""
        self._aborted = True
        for connection in tuple(self._connections.values()):
            connection.abort()

    def close(self) -> None:
        """Close the connections."""
        for connection in tuple(self._connections.values()):
            connection.close()

    def _ask(
        self, method: str, url: str, headers: str, what: str, size: int = 0, body: Body | None = None
    ) -> tuple[Head, Connection]:
        parts = urlsplit(url)
        connection, name = self._connection(parts), _name(parts)
        try:
            target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
            head = connection.exchange(method, target, headers, size, body)
            message = connection.read(ERROR_BYTES) if head.status >= 300 else b""
        except OSError as error:
            if connection.connected or self._aborted:
                raise _silent(name, what, error) from error
            raise StoreUseless(_out_of_reach(name, error), refused=False) from error
        if head.status >= 300:
            raise _refusal(head, message, name, what)
        return head, connection

    def _connection(self, parts: SplitResult) -> Connection:
        origin = f"{parts.scheme}://{parts.netloc}"
        if origin not in self._connections:
            route = self._route.to(origin)
            context = route.context() if parts.scheme == "https" else None
            self._connections[origin] = Connection(origin, context, self._stall_seconds, route.proxy)
            if self._aborted:
                self._connections[origin].abort()
        return self._connections[origin]


def _name(parts: SplitResult) -> str:
    """As messages name it: without bucket, object and signature."""
    return f"the block store at {parts.hostname}"


def _out_of_reach(name: str, error: OSError) -> str:
    if not isinstance(error, ssl.SSLCertVerificationError):
        return f"{name} cannot be reached: {describe(error)}"
    return (
        f"the certificate of {name} is not trusted: {reason_of(error)}; if an authority of your own has signed it, put "
        "that authority's certificate into the Secret of lakeFS (ca.crt), or into trustedCA of the chart"
    )


def _refusal(head: Head, message: bytes, name: str, what: str) -> Exception:
    match = _CODE.search(message)
    code = match[1].decode() if match else ""
    words = f"{head.status} {code}".rstrip()
    if transient(head.status) or code in LATER:
        text = f"{name} of lakeFS could not {what}: {words}"
        return StoreSilent(Server.LAKEFS, text, seconds_of(head.header(b"retry-after")))
    return StoreUseless(f"{name} refused to {what}: {words}", refused=True)


def _silent(name: str, what: str, error: OSError) -> StoreSilent:
    return StoreSilent(Server.LAKEFS, f"{name} of lakeFS did not answer ({what}): {describe(error)}")
