"""Which JSON values an object in Kubernetes keeps exactly as they are. PURE.

The API server decodes JSON with Go: integers have 64 bits, a float without a fraction comes back as an integer, and
half of a surrogate pair becomes U+FFFD. Nulls are kept when an object is created, and dropped from a merge patch.
"""

import json
import math
import re
from collections.abc import Iterator

SMALLEST_INTEGER, LARGEST_INTEGER = -(2**63), 2**63 - 1
SMALLEST_FLOAT_WITH_EXPONENT = 1e21
"""Go writes whole floats from here on with an exponent, so that they are floats again when they are read."""

_LISTS = (list, tuple, set, frozenset)
"""What is a list in JSON."""
_SURROGATE = re.compile("[\ud800-\udfff]")


def kept_when_created(value: object) -> bool:
    """Whether an object that is created with `value` has the same value afterwards, of the same types."""
    return all(map(_is_kept, _parts(value)))


def kept_in_merge_patch(value: object) -> bool:
    """Whether a merge patch carries `value` into an object as it is."""
    return all(part is not None and _is_kept(part) for part in _parts(value))


def fits_json(value: object) -> bool:
    """Whether `value` can be said in JSON and UTF-8 at all."""
    return all(map(_is_json, _parts(value)))


def has_null(value: object) -> bool:
    """Whether a null is somewhere in a value."""
    return any(part is None for part in _parts(value))


def no_number(value: object, name: str) -> str | None:
    """Which part of `value` is a number that JSON does not have, such as `name.a[0] is NaN`; None when none is."""
    if not any(_is_no_number(part) for part in _parts(value)):
        return None
    return next(f"{place} is {_WORDS[str(part)]}" for place, part in _places(value, name) if _is_no_number(part))


_WORDS = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}


def exact_text(value: object) -> str:
    """`value` as JSON text that every server keeps: half of a surrogate pair is written as its escape."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return _SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _parts(value: object) -> Iterator[object]:
    """Every scalar and every key, at any depth."""
    pending = [value]
    while pending:
        part = pending.pop()
        if isinstance(part, dict):
            pending += part.keys()
            pending += part.values()
        elif isinstance(part, _LISTS):
            pending += part
        else:
            yield part


def _places(value: object, name: str) -> Iterator[tuple[str, object]]:
    """Every value inside, in the order of the text, and where it is."""
    pending = [(name, value)]
    while pending:
        place, part = pending.pop()
        yield place, part
        if isinstance(part, dict):
            pending += reversed([(f"{place}.{key}", child) for key, child in part.items()])
        elif isinstance(part, _LISTS):
            pending += reversed([(f"{place}[{index}]", child) for index, child in enumerate(part)])


def _is_no_number(part: object) -> bool:
    return isinstance(part, float) and not math.isfinite(part)


def _is_json(part: object) -> bool:
    if isinstance(part, float):
        return not _is_no_number(part)
    return not isinstance(part, str) or _SURROGATE.search(part) is None


def _is_kept(part: object) -> bool:
    if isinstance(part, float) and part.is_integer():
        return abs(part) >= SMALLEST_FLOAT_WITH_EXPONENT
    if isinstance(part, int):
        return SMALLEST_INTEGER <= part <= LARGEST_INTEGER
    return _is_json(part)
