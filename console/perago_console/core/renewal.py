"""`perago retry`: a new attempt of the same spec as one that has ended. Pure."""

import re
from collections.abc import Collection
from typing import Final

from perago.wire import API_GROUP
from perago_console.core.objects import Attempt, Raw

LONGEST_NAME: Final = 58
"""Of an attempt: its pods are named after it."""
_RETRY: Final = re.compile(r"-retry-\d+$")


def renewed(raw: Raw, attempt: Attempt, taken: Collection[str]) -> Raw:
    """The object to create: same spec, under a name that nobody has, with the labels that people gave."""
    source = raw.get("spec")
    spec = {name: value for name, value in source.items() if name != "cancel"} if isinstance(source, dict) else {}
    labels = {name: value for name, value in attempt.metadata.labels.items() if not _is_ours(name)}
    metadata = {"name": new_name(attempt.metadata.name, taken), "namespace": attempt.metadata.namespace}
    return {
        "apiVersion": raw["apiVersion"],
        "kind": raw["kind"],
        "metadata": {**metadata, **({"labels": dict(labels)} if labels else {})},
        "spec": spec,
    }


def new_name(name: str, taken: Collection[str]) -> str:
    """`NAME-retry-N` with the first number that is free."""
    base, number = _RETRY.sub("", name), 1
    while True:
        ending = f"-retry-{number}"
        candidate = f"{base[: LONGEST_NAME - len(ending)].rstrip('-')}{ending}"
        if candidate not in taken:
            return candidate
        number += 1


def _is_ours(label: str) -> bool:
    return label.partition("/")[0].endswith(API_GROUP) and "/" in label
