"""Which objects of a store have something in common. It keeps keys and no object."""

from collections import defaultdict
from collections.abc import Callable, Set
from typing import Generic, TypeVar

from perago_operator.api.shared import ApiObject, Key

Model = TypeVar("Model", bound=ApiObject)


class Index(Generic[Model]):
    """Keys of objects by something that they have in common."""

    def __init__(self, common: Callable[[Model], Key | None]) -> None:
        self._common = common
        self._keys: defaultdict[Key, set[Key]] = defaultdict(set)

    def __getitem__(self, common: Key | None) -> Set[Key]:
        return self._keys.get(common, frozenset()) if common else frozenset()

    def changed(self, key: Key, old: Model | None, new: Model | None) -> None:
        """Follow a change of the store."""
        if old is not None and (before := self._common(old)) is not None:
            self._keys[before].discard(key)
            if not self._keys[before]:
                del self._keys[before]
        if new is not None and (after := self._common(new)) is not None:
            self._keys[after].add(key)
