"""What a watch has shown of one kind of object: the newest version of each, as a frozen model.

It reads no clock and makes no call. `stores` adds what decisions need to know of each kind.
"""

from collections import deque
from collections.abc import Iterator
from typing import Generic, TypeVar

from loguru import logger

from perago_operator.api.reading import Unreadable, read
from perago_operator.api.shared import ApiObject, Key, Metadata
from perago_operator.ports import Manifest, key_of

REMEMBERED = 1024
"""Uids of removed objects that are remembered: an answer of ours that arrives late must not bring one back."""

Model = TypeVar("Model", bound=ApiObject)


class Store(Generic[Model]):
    """Objects of one kind by key; newer versions replace older ones, removed objects stay removed."""

    def __init__(self, model: type[Model]) -> None:
        self._model = model
        self._objects: dict[Key, Model] = {}
        self._removed: deque[str] = deque(maxlen=REMEMBERED)

    def get(self, key: Key) -> Model | None:
        """The object as it was last seen."""
        return self._objects.get(key)

    def __contains__(self, key: Key) -> bool:
        return key in self._objects

    def __iter__(self) -> Iterator[Model]:
        return iter(list(self._objects.values()))

    def __len__(self) -> int:
        return len(self._objects)

    def was_removed(self, uid: str) -> bool:
        """Whether an object with this uid has gone, as far as that is remembered."""
        return uid in self._removed

    def versions(self, namespace: str | None = None) -> dict[Key, str]:
        """Resource version of each object, of one namespace or (None) of all."""
        return {
            key: obj.metadata.resource_version
            for key, obj in self._objects.items()
            if namespace in (None, key.namespace)
        }

    def put(self, obj: Manifest) -> None:
        """The object as it is now, or was: a version older than the one in the store is ignored, and not even read."""
        key, metadata = key_of(obj), obj["metadata"]
        old = self._objects.get(key)
        if metadata.get("uid") in self._removed or (old and not _is_newer(metadata, old.metadata)):
            return
        new = self._read(obj, old)
        if new is None:
            return
        self._objects[key] = new
        self._changed(key, old, new)

    def remove(self, key: Key) -> None:
        """The object is gone."""
        old = self._objects.pop(key, None)
        if old is not None:
            self._removed.append(old.metadata.uid)
            self._changed(key, old, None)

    def _read(self, obj: Manifest, old: Model | None) -> Model | None:
        """The object as a model, whose `problem` says what of its spec cannot be read.

        `old` is what the key had before, and may lend what has not changed. None without readable metadata.
        """
        try:
            return read(self._model, self._borrowed(obj, old))
        except Unreadable as error:
            logger.error("{} {} cannot be read and is left alone: {}", self._model.__name__, key_of(obj), error)
            return None

    def _borrowed(self, obj: Manifest, old: Model | None) -> Manifest:
        """The object with parts of `old` that are the same and need not be read again."""
        return obj

    def _changed(self, key: Key, old: Model | None, new: Model | None) -> None:
        """For indices and listeners; at least one of `old` and `new` is there."""


def _is_newer(new: Manifest, old: Metadata) -> bool:
    """Whether metadata is that of an object which replaces another: one of the same name, else the higher version."""
    newer = _version(new.get("resourceVersion", "")) > _version(old.resource_version)
    return new.get("uid", "") != old.uid or newer


def _version(text: str) -> int:
    return int(text) if text.isdecimal() else 0
