"""Which namespaces the API server lets the operator serve. One that refuses is set aside, and in nobody's way.

A namespace that is being deleted, or whose Role is gone, is nobody's outage but its own: its attempts are not looked at
and its tasks not polled, so that Conductor can hand them to others, until it can be listed again. It makes no call.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable

from loguru import logger

from perago_operator.ports import Gauge, PortError, is_refusal

KINDS = ("attempts", "tasks", "pods")


class Served:
    """By namespace, or None for all of them together, which are never set aside.

    `back` hears which one can be served again.
    """

    def __init__(self, namespaces: Collection[str | None], back: Callable[[str], None]) -> None:
        self._namespaces = tuple(name for name in namespaces if name is not None)
        self._back = back
        self._unheard = {(name, kind) for name in namespaces for kind in KINDS}
        self._refusals: dict[str, dict[str, str]] = {}
        self.settled = asyncio.Event()
        """Of each namespace everything is listed, or it is set aside."""

    def __contains__(self, namespace: str) -> bool:
        return namespace not in self._refusals

    def hear(self, namespace: str | None, kind: str, error: PortError | None) -> None:
        """Objects of a kind are listed, or why they are not."""
        refused = error is not None and is_refusal(error) and namespace is not None
        if error is not None and not refused:
            return
        self._unheard.discard((namespace, kind))
        if namespace is not None:
            self._note(namespace, kind, str(error) if error else None)
        if not self._unheard:
            self.settled.set()

    def _note(self, namespace: str, kind: str, words: str | None) -> None:
        before = self._refusals.get(namespace)
        refusals = {other: said for other, said in (before or {}).items() if other != kind}
        if words is not None:
            refusals[kind] = words
        if refusals:
            self._refusals[namespace] = refusals
        else:
            self._refusals.pop(namespace, None)
        if refusals and not before:
            logger.warning("namespace {} is set aside until it can be listed again: {}", namespace, words)
        elif before and not refusals:
            logger.info("namespace {} is served again", namespace)
            self._back(namespace)

    def complaint(self) -> str | None:
        """Why nothing at all can be served."""
        if not self._namespaces or any(name in self for name in self._namespaces):
            return None
        return "; ".join(words for refusals in self._refusals.values() for words in refusals.values())

    def gauge(self) -> Gauge:
        """For each scrape."""
        meaning = "1 if the namespace is served, 0 while the API server refuses to list it"
        return Gauge("perago_namespace_served", meaning, ("namespace",), self._values)

    def _values(self) -> Iterable[tuple[tuple[str, ...], float]]:
        return [((name,), float(name in self)) for name in self._namespaces]
