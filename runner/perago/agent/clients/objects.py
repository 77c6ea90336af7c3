"""The bodies of objects, in both directions: the part of lakeFS's API that threads call, one client a thread.

Protocol: `GET …/objects` with ranges, and `POST …/objects`, under the same endpoint and keys as
`perago.agent.clients.lakefs`. Each method is one call and may be repeated after NoAnswer. What goes straight to the
block store is `perago.agent.clients.presigned`.
"""

import json
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final, TypeVar
from urllib.parse import quote, urlsplit

from loguru import logger

from perago.agent.clients.channel import lines
from perago.agent.clients.exchange import STALL_SECONDS, Body, Connection, Head
from perago.agent.clients.http import NoAnswer, Server, describe, insecure
from perago.agent.clients.lakefs_errors import Refused, answer_error
from perago.agent.mounts import Mounted
from perago.wire.egress import redirection
from perago.wire.secrets import LakeFSKeys

CONTENT_TYPE: Final = "application/octet-stream"
"""The same for every upload: another content type alone would count as a change."""
BUFFER_BYTES: Final = 256 * 1024
"""Objects travel in pieces of this size: it fits the processor's cache, and larger ones are no faster."""
ERROR_BYTES: Final = 64 * 1024
ANSWER_BYTES: Final = 4 << 20
"""Longest JSON that is read: a thousand signed URLs, some of which carry a token of 2 KiB, fit into it."""

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class ObjectStats:
    """An object as a listing or the answer to an upload describes it; lakeFS's own checksum is an MD5 in hex."""

    path: str
    size: int
    checksum: str
    place: str = field(default="", compare=False)
    """Its physical address without what signs it; lakeFS never writes to an address twice."""
    url: str | None = field(default=None, repr=False, compare=False)
    """Where the block store has it, signed for a while: whoever has the URL has the object."""

    @classmethod
    def of(cls, record: "dict[str, object]") -> "ObjectStats":
        """From lakeFS's JSON."""
        address = str(record.get("physical_address") or "")
        url = address if address.startswith(("https://", "http://")) else None
        size, place = int(str(record.get("size_bytes") or 0)), address.partition("?")[0]
        return cls(str(record["path"]), size, str(record["checksum"]), place, url)


class Bodies:
    """One connection to one repository, for one thread; `abort` is for any."""

    def __init__(self, mounted: Mounted[LakeFSKeys], repository: str, stall_seconds: float = STALL_SECONDS) -> None:
        self._mounted = mounted
        self._take(mounted.keys)
        parts = urlsplit(self._keys.endpoint)
        self._base = f"{parts.path.rstrip('/')}/api/v1/repositories/{segment(repository)}"
        keys = self._keys
        self._connection = Connection(keys.endpoint, keys.context(), stall_seconds, keys.route.proxy)
        self._buffer: memoryview | None = None
        self._repository = repository
        self._together = True

    @property
    def buffer(self) -> memoryview:
        """This thread's memory for pieces of bodies."""
        if self._buffer is None:
            self._buffer = memoryview(bytearray(BUFFER_BYTES))
        return self._buffer

    def read(self, ref: str, path: str, first: int = 0, last: int | None = None) -> Iterator[memoryview]:
        """The object's bytes from `first` to `last`, inclusive; each piece is valid until the next one.

        Raises RefNotFound, and NoAnswer also between the pieces.
        """
        ranged = first > 0 or last is not None
        headers = f"Range: bytes={first}-{'' if last is None else last}\r\n" if ranged else ""
        target = f"/refs/{segment(ref)}/objects?path={quote(path, safe='')}"
        status = self._ask("GET", target, headers, f"read {path!r}")
        if ranged and status != 206:
            raise Refused(f"lakeFS refused to read a part of {path!r}: it answered {status} and not 206")
        yield from self._pieces(self._connection, f"read {path!r}")

    def read_together(self, ref: str, objects: Sequence[ObjectStats]) -> Generator[memoryview]:
        """Whole small objects, in order, all asked for at once; each is valid until the next one.

        It ends where something other than an object comes, and the rest is to be read one by one: a server, or a proxy
        before it, that breaks off is not asked in this way again.
        """
        if not self._together:
            return
        begin = f"{self._base}/refs/{segment(ref)}/objects?path="
        heads = self._connection.exchanges([begin + quote(stats.path, safe="") for stats in objects], self._headers)
        complete = False
        try:
            for stats, head in zip(objects, heads, strict=True):
                if head.status != 200:
                    return
                yield self._content(stats.size)
            complete = True
        except OSError as error:
            logger.debug("objects are not asked for together from here on: {}", describe(error))
            self._together = False
        finally:
            if not complete:
                self._connection.close()

    def _content(self, size: int) -> memoryview:
        """The body of the answer, up to one byte more than expected."""
        count, buffer = 0, self.buffer[: size + 1]
        while received := self._connection.read_into(buffer[count:]):
            count += received
        return buffer[:count]

    def upload(self, branch: str, path: str, size: int, body: Body) -> ObjectStats:
        """Put `size` bytes of `body` at `path`; the answer is what the server has stored."""
        what = f"upload {path!r}"
        target = f"/branches/{segment(branch)}/objects?path={quote(path, safe='')}"
        self._ask("POST", target, f"Content-Type: {CONTENT_TYPE}\r\n", what, size, body)
        return self._json(ObjectStats.of, what)

    def abort(self) -> None:
        """Let a call that is under way fail, and every later one."""
        self._connection.abort()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _pieces(self, connection: Connection, what: str) -> Iterator[memoryview]:
        """The body of the answer on a connection."""
        buffer = self.buffer
        try:
            while count := connection.read_into(buffer):
                yield buffer[:count]
        except OSError as error:
            raise no_answer(what, error) from error

    def _json(self, understood: Callable[[dict[str, Any]], Answer], what: str) -> Answer:
        """What the body of lakeFS's last answer says."""
        try:
            return understood(json.loads(self._connection.read(ANSWER_BYTES)))
        except OSError as error:
            raise no_answer(what, error) from error
        except (ValueError, KeyError, TypeError) as error:
            raise NoAnswer(Server.LAKEFS, f"lakeFS did not answer ({what}): a body that is not its JSON") from error

    def _take(self, keys: LakeFSKeys) -> None:
        self._keys = keys
        self._headers = f"{lines(keys.headers())}Accept-Encoding: identity\r\n"

    def _ask(self, method: str, target: str, headers: str, what: str, size: int = 0, body: Body | None = None) -> int:
        def exchange() -> tuple[Head, bytes]:
            head = self._connection.exchange(method, self._base + target, self._headers + headers, size, body)
            return head, self._connection.read(ERROR_BYTES) if head.status >= 300 else b""

        try:
            head, message = exchange()
            if head.status == 401 and self._mounted.renewed(self._keys):
                self._take(self._mounted.keys)
                head, message = exchange()
        except OSError as error:
            raise no_answer(what, error) from error
        if head.status < 300:
            return head.status
        if elsewhere := redirection(head.status, head.header(b"location")):
            raise Refused(f"lakeFS does not {what}: {elsewhere}")
        what = f"{what} in the repository {self._repository!r}"
        raise answer_error(head.status, message, what, head.header(b"retry-after"))


@lru_cache(8)
def segment(name: str) -> str:
    """A ref, branch or repository as one segment of a URL's path."""
    return quote(name, safe="")


def no_answer(what: str, error: OSError) -> Exception:
    """What a broken exchange with lakeFS means."""
    silent = NoAnswer(Server.LAKEFS, f"lakeFS did not answer ({what}): {describe(error)}")
    return insecure(Server.LAKEFS, error) or silent
