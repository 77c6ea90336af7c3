"""The bodies of objects straight between the agent and the block store, where lakeFS signs URLs for that.

Whatever does not work that way goes through lakeFS, as `perago.agent.clients.objects` has it. An upload is on its
branch once lakeFS has been told where its bytes are, and not before.
"""

import json
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

from perago.agent.clients.exchange import STALL_SECONDS, Body, Connection
from perago.agent.clients.http import NoAnswer
from perago.agent.clients.lakefs_errors import Conflict, RefNotFound, Refused
from perago.agent.clients.objects import CONTENT_TYPE, Bodies, ObjectStats, segment
from perago.agent.clients.store import Presigning, Store, StoreSilent, StoreUseless
from perago.agent.mounts import Mounted
from perago.wire.secrets import LakeFSKeys

UPLOAD_GONE: Final = "NoSuchUpload"
"""What lakeFS passes on of S3, with a 500, when an upload has been completed before: the answer was lost."""
NOT_OFFERED: Final = (500, 501)
"""Statuses of a lakeFS that cannot sign, besides 400."""


@dataclass(frozen=True)
class Address:
    """Where lakeFS wants an object to be stored."""

    physical: str
    url: str = field(repr=False)

    @classmethod
    def of(cls, record: dict[str, Any]) -> "Address":
        """From lakeFS's JSON."""
        return cls(str(record["physical_address"]), str(record["presigned_url"]))


@dataclass(frozen=True)
class PartsUpload:
    """An upload in parts that has begun."""

    path: str
    upload_id: str
    physical: str
    urls: tuple[str, ...] = field(repr=False)


def not_offered(error: Exception) -> bool:
    """Whether lakeFS says that it cannot sign."""
    return isinstance(error, Refused) or (isinstance(error, NoAnswer) and error.status in NOT_OFFERED)


class PresignedBodies(Bodies):
    """Bodies by the shortest way that works; `presigning` is shared with other threads."""

    def __init__(
        self,
        mounted: Mounted[LakeFSKeys],
        repository: str,
        presigning: Presigning,
        stall_seconds: float = STALL_SECONDS,
    ) -> None:
        super().__init__(mounted, repository, stall_seconds)
        self._presigning = presigning
        self._store = Store(mounted.keys.route, stall_seconds)

    def fetch(self, ref: str, stats: ObjectStats, first: int = 0, last: int | None = None) -> Iterator[memoryview]:
        """The bytes of a listed object, from the block store where the listing has a URL that works.

        Raises as `read` does.
        """
        connection = self._from_store(ref, stats, first, last)
        if connection is None:
            yield from self.read(ref, stats.path, first, last)
        else:
            yield from self._pieces(connection, f"read {stats.path!r} from the block store")

    def fetch_together(self, ref: str, objects: Sequence[ObjectStats]) -> Generator[memoryview]:
        """As `read_together`; none where they come from the block store, each by a URL of its own."""
        if not (self._presigning.bodies and any(stats.url for stats in objects)):
            yield from self.read_together(ref, objects)

    @property
    def direct(self) -> "PresignedBodies | None":
        """The way past lakeFS, as long as there is one."""
        return self if self._presigning.bodies else None

    def upload_directly(self, branch: str, path: str, size: int, body: Body, md5: bytes) -> ObjectStats | None:
        """Put `size` bytes of `body` at `path` by way of the block store, which compares the MD5.

        None where that does not work, and the object has to go through lakeFS. Raises as `upload` does.
        """
        try:
            address = self._address(branch, path)
            self._store.put(address.url, size, body, md5, f"upload {path!r}")
            self._presigning.served()
            return self._link(branch, path, address.physical, size, md5.hex())
        except Conflict:
            return None
        except (StoreUseless, Refused, NoAnswer) as error:
            self._useless(error)
            return None

    def begin_parts(self, branch: str, path: str, count: int) -> PartsUpload | None:
        """Let lakeFS begin an upload in parts; None where it cannot."""
        if not self._presigning.parts:
            return None
        target = f"/branches/{segment(branch)}/staging/pmpu?path={quote(path, safe='')}&parts={count}"
        what = f"begin the upload of {path!r}"
        try:
            self._ask("POST", target, "", what)
        except (Refused, NoAnswer) as error:
            if not not_offered(error):
                raise
            self._presigning.give_up_parts(str(error))
            return None

        def understood(record: dict[str, Any]) -> PartsUpload:
            urls = tuple(map(str, record["presigned_urls"]))
            return PartsUpload(path, str(record["upload_id"]), str(record["physical_address"]), urls)

        return self._json(understood, what)

    def put_part(self, branch: str, upload: PartsUpload, number: int, size: int, body: Body, md5: bytes) -> str:
        """Store a part, counted from 0, and return its ETag; raises StoreUseless, NoAnswer."""
        what = f"upload part {number + 1} of {upload.path!r}"
        try:
            try:
                etag = self._store.put(upload.urls[number], size, body, md5, what)
            except StoreUseless as error:
                if not error.refused:
                    raise
                etag = self._store.put(self._signed_part(branch, upload, number), size, body, md5, what)
        except (StoreUseless, Refused, NoAnswer) as error:
            self._useless(error)
            raise StoreUseless(str(error), refused=False) from error
        self._presigning.served()
        return etag

    def complete_parts(self, branch: str, upload: PartsUpload, etags: list[str]) -> ObjectStats | None:
        """Put the parts together and at their path; None where that does not work. Raises as `upload` does.

        A repetition finds what has landed.
        """
        what = f"complete the upload of {upload.path!r}"
        parts = [{"part_number": number, "etag": etag} for number, etag in enumerate(etags, 1)]
        body = {"physical_address": upload.physical, "parts": parts, "content_type": CONTENT_TYPE}
        try:
            self._send_json("PUT", self._parts_target(branch, upload), body, what)
        except (Refused, RefNotFound, NoAnswer) as error:
            if isinstance(error, NoAnswer) and UPLOAD_GONE not in str(error):
                raise
            stored = self._landed(branch, upload)
            if stored is None:
                self._presigning.give_up_parts(str(error))
            return stored
        return self._json(ObjectStats.of, what)

    def abort_parts(self, branch: str, upload: PartsUpload) -> None:
        """Let the store forget the parts; raises LakeFSError, NoAnswer."""
        what = f"give up the upload of {upload.path!r}"
        self._send_json("DELETE", self._parts_target(branch, upload), {"physical_address": upload.physical}, what)

    def abort(self) -> None:
        """Let a call that is under way fail, and every later one."""
        self._store.abort()
        super().abort()

    def close(self) -> None:
        """Close the connections."""
        self._store.close()
        super().close()

    def _from_store(self, ref: str, stats: ObjectStats, first: int, last: int | None) -> Connection | None:
        """A connection with the bytes as the body of an answer; None where they have to come from lakeFS."""
        if stats.url is None or not self._presigning.bodies:
            return None
        what = f"read {stats.path!r}"
        try:
            try:
                connection = self._store.get(stats.url, first, last, what)
            except StoreUseless as error:
                if not error.refused:
                    raise
                connection = self._store.get(self._signed(ref, stats.path), first, last, what)
        except (StoreUseless, Refused, NoAnswer) as error:
            self._useless(error)
            return None
        self._presigning.served()
        return connection

    def _useless(self, error: Exception) -> None:
        """Go on through lakeFS; raises the error if it only says that lakeFS, or a store that works, is away."""
        if isinstance(error, StoreSilent):
            away = self._presigning.worth_waiting()
        else:
            away = isinstance(error, NoAnswer) and not not_offered(error)
        if away:
            raise error
        self._presigning.give_up(str(error))

    def _signed(self, ref: str, path: str) -> str:
        """A URL that has not expired."""
        what = f"sign a URL of {path!r}"
        target = f"/refs/{segment(ref)}/objects/stat?path={quote(path, safe='')}&presign=true&user_metadata=false"
        self._ask("GET", target, "", what)
        url = self._json(ObjectStats.of, what).url
        if url is None:
            raise StoreUseless(f"lakeFS does not {what}", refused=True)
        return url

    def _signed_part(self, branch: str, upload: PartsUpload, number: int) -> str:
        what = f"sign a URL for a part of {upload.path!r}"
        base, query = self._parts_target(branch, upload).split("?")
        self._send_json("PUT", f"{base}/parts/{number + 1}?{query}", {"physical_address": upload.physical}, what)
        return self._json(lambda record: str(record["presigned_url"]), what)

    def _address(self, branch: str, path: str) -> Address:
        what = f"sign a URL for {path!r}"
        target = f"/branches/{segment(branch)}/staging/backing?path={quote(path, safe='')}"
        self._ask("GET", f"{target}&presign=true", "", what)
        return self._json(Address.of, what)

    def _link(self, branch: str, path: str, physical: str, size: int, checksum: str) -> ObjectStats:
        what = f"upload {path!r}"
        record = {"physical_address": physical}
        body = {"staging": record, "checksum": checksum, "size_bytes": size, "content_type": CONTENT_TYPE}
        target = f"/branches/{segment(branch)}/staging/backing?path={quote(path, safe='')}"
        self._send_json("PUT", target, body, what)
        return self._json(ObjectStats.of, what)

    def _landed(self, branch: str, upload: PartsUpload) -> ObjectStats | None:
        """The object on the branch if it is this upload's."""
        what = f"read what is stored of {upload.path!r}"
        target = f"/refs/{segment(branch)}/objects/stat?path={quote(upload.path, safe='')}&user_metadata=false"
        try:
            self._ask("GET", target, "", what)
        except RefNotFound:
            return None
        record = self._json(lambda record: record, what)
        return ObjectStats.of(record) if record["physical_address"] == upload.physical else None

    def _parts_target(self, branch: str, upload: PartsUpload) -> str:
        upload_id, path = quote(upload.upload_id, safe=""), quote(upload.path, safe="")
        return f"/branches/{segment(branch)}/staging/pmpu/{upload_id}?path={path}"

    def _send_json(self, method: str, target: str, record: dict[str, Any], what: str) -> None:
        data = memoryview(json.dumps(record).encode())
        self._ask(method, target, "Content-Type: application/json\r\n", what, len(data), lambda: (data,))
