"""Looks for secrets in what a run has left, in every form in which they might stand there. Pure."""

import base64
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import quote

SHORTEST = 12
"""Bytes of a form; a shorter one would be found by chance."""


@dataclass(frozen=True)
class Find:
    """A secret was found."""

    what: str
    form: str
    place: str

    def __str__(self) -> str:
        return f"{self.what} is in {self.place}, {self.form}"


@dataclass(frozen=True)
class Searcher:
    """Knows all forms of some secrets, given as what they are → value."""

    secrets: Mapping[str, str]

    @cached_property
    def _needles(self) -> tuple[tuple[str, str, bytes], ...]:
        return tuple((what, form, data) for what, value in self.secrets.items() for form, data in forms(value))

    def search(self, place: str, text: str | bytes) -> list[Find]:
        """What is found in the text of one place, each secret in each form once."""
        data = text.encode(errors="surrogateescape") if isinstance(text, str) else text
        return [Find(what, form, place) for what, form, needle in self._needles if needle in data]

    def search_all(self, places: Iterable[tuple[str, str | bytes]]) -> tuple[int, list[Find]]:
        """How many places there were, and what was found in them."""
        count, found = 0, list[Find]()
        for place, text in places:
            count += 1
            found += self.search(place, text)
        return count, found


def forms(value: str) -> Iterator[tuple[str, bytes]]:
    """A secret as it stands in a text that holds it: as it is, and encoded in the usual ways."""
    data = value.encode()
    named: dict[str, bytes] = {"as it is": data, "reversed": data[::-1], "in hex": data.hex().encode()}
    named["in capital hex"] = data.hex().upper().encode()
    named["URL-encoded"] = quote(value, safe="").encode()
    named["URL-encoded, slashes aside"] = quote(value).encode()
    for offset in range(3):
        inner = _inside_base64(data, offset)
        named[f"in base64 at offset {offset}"] = inner
        named[f"in URL-safe base64 at offset {offset}"] = inner.translate(bytes.maketrans(b"+/", b"-_"))
    seen = set[bytes]()
    for form, needle in named.items():
        if len(needle) >= SHORTEST and needle not in seen:
            seen.add(needle)
            yield form, needle


def _inside_base64(data: bytes, offset: int) -> bytes:
    """The characters that are the same whatever stands before and after the data, which begins `offset` bytes late."""
    encoded = base64.b64encode(b"\0" * offset + data)
    first, last = -(-8 * offset // 6), 8 * (offset + len(data)) // 6
    return encoded[first:last]
