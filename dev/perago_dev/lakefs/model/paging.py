"""Pages of listings: prefix, after, delimiter, amount. Pure; works over anything that can be read from a path on."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

MAX_AMOUNT = 1000
DEFAULT_AMOUNT = 100

Item = TypeVar("Item")
Seek = Callable[[str], Iterator[tuple[str, Item]]]
"""All paths at or after a given one, in order, each with what it holds."""


@dataclass(frozen=True)
class PageRequest:
    """Which part of a listing: `after` is exclusive, an empty `delimiter` does not group."""

    prefix: str = ""
    after: str = ""
    delimiter: str = ""
    amount: int = DEFAULT_AMOUNT


@dataclass(frozen=True)
class Page(Generic[Item]):
    """Paths in order; None instead of an item stands for a common prefix."""

    results: list[tuple[str, Item | None]]
    has_more: bool

    def next_offset(self) -> str:
        """What to pass as `after` for the next page; empty at the end."""
        return self.results[-1][0] if self.has_more and self.results else ""


def page(seek: Seek[Item], request: PageRequest) -> Page[Item]:
    """One page; reads one item more than it returns, to know whether there are more."""
    results: list[tuple[str, Item | None]] = []
    for found in _walk(seek, request):
        if len(results) == request.amount:
            return Page(results, has_more=True)
        results.append(found)
    return Page(results, has_more=False)


def _walk(seek: Seek[Item], request: PageRequest) -> Iterator[tuple[str, Item | None]]:
    start = max(request.prefix, request.after + "\0" if request.after else "")
    while start is not None:
        resume = None
        for path, item in seek(start):
            if not path.startswith(request.prefix):
                return
            group = _group(path, request)
            if group is None:
                yield path, item
                continue
            if group > request.after:
                yield group, None
            resume = after_prefix(group)
            break
        if resume is None:
            return
        start = resume


def _group(path: str, request: PageRequest) -> str | None:
    if not request.delimiter:
        return None
    at = path.find(request.delimiter, len(request.prefix))
    return path[: at + len(request.delimiter)] if at >= 0 else None


def after_prefix(prefix: str) -> str | None:
    """The first string after all that start with `prefix`; None when there is none."""
    for at in range(len(prefix) - 1, -1, -1):
        code = ord(prefix[at]) + 1
        if code <= 0x10FFFF:
            return prefix[:at] + chr(0xE000 if 0xD800 <= code <= 0xDFFF else code)
    return None
