"""What a path of a repository holds. Pure; knows neither where the bytes lie nor how entries are stored."""

import hashlib
import json
from typing import NamedTuple


class Entry(NamedTuple):
    """One version of one object. `digest` (SHA-256) addresses the bytes, `checksum` (MD5) is what clients see."""

    checksum: str
    size: int
    mtime: int
    content_type: str
    digest: str
    metadata: dict[str, str]

    def identity(self) -> bytes:
        """What makes two entries the same to diff and merge: bytes, type and user metadata, but not the time."""
        facts = [self.digest, self.size, self.content_type, sorted(self.metadata.items())]
        return hashlib.sha256(json.dumps(facts).encode()).digest()

    def same_as(self, other: "Entry") -> bool:
        """Whether diff and merge see no difference; equal to comparing identities, without hashing."""
        return self._facts() == other._facts()

    def _facts(self) -> tuple[str, int, str, dict[str, str]]:
        return self.digest, self.size, self.content_type, self.metadata

    def to_json(self) -> str:
        """The stored form."""
        return json.dumps(self, ensure_ascii=False, separators=(",", ":"))


Change = tuple[str, Entry | None]
"""A path and what it becomes; None deletes it."""


def entry_from_json(text: str) -> Entry:
    """The inverse of `Entry.to_json`."""
    return Entry(*json.loads(text))


def same(left: Entry | None, right: Entry | None) -> bool:
    """Whether two sides of a comparison hold the same; absence equals absence."""
    if left is None or right is None:
        return left is right
    return left.same_as(right)
