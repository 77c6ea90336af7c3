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


def exact_text(value: object) -> str:
    """`value` as JSON text that every server keeps: half of a surrogate pair is written as its escape."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return _SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _parts(value: object) -> Iterator[object]:
    """Every scalar and every key, at any depth."""
    pending = [value]
    while pending:
        part = pending.pop()
        if isinstance(part, dict):
            pending += part.keys()
            pending += part.values()
        elif isinstance(part, list):
            pending += part
        else:
            yield part


def _is_json(part: object) -> bool:
    if isinstance(part, float):
        return math.isfinite(part)
    return not isinstance(part, str) or _SURROGATE.search(part) is None


def _is_kept(part: object) -> bool:
    if isinstance(part, float) and part.is_integer():
        return abs(part) >= SMALLEST_FLOAT_WITH_EXPONENT
    if isinstance(part, int):
        return SMALLEST_INTEGER <= part <= LARGEST_INTEGER
    return _is_json(part)
