"""The output in the metadata of a publication: written by the agent, read by the agent and the operator. PURE.

A publication is evidence of the work only together with its output: with both, nothing has to run again.
"""

import base64
import gzip
import hashlib
import json
from collections.abc import Mapping
from typing import Final

from perago.wire import metadata_keys
from perago.wire.base import JsonObject
from perago.wire.status import OUTPUT_JSON_LIMIT, unpacked

READABLE_LIMIT: Final = 16 * 1024
"""Bytes of JSON up to which an output is kept as it is, for people who look at the commit."""
PACKED_LIMIT: Final = 256 * 1024
"""Bytes of the gzipped JSON of a larger one. As base64, 342 KiB: lakeFS may keep its commits in a DynamoDB table, which
takes 400 KB for one of them."""


def output_metadata(output: Mapping[str, object]) -> dict[str, str]:
    """The metadata that carries an output: its JSON, the same packed, or, where it is too large, its digest."""
    text = json.dumps(output, separators=(",", ":"))
    if len(text) <= READABLE_LIMIT:
        return {metadata_keys.OUTPUT: text}
    packed = gzip.compress(text.encode(), mtime=0) if len(text) <= OUTPUT_JSON_LIMIT else b""
    if packed and len(packed) <= PACKED_LIMIT:
        return {metadata_keys.OUTPUT_GZIP: base64.b64encode(packed).decode()}
    return {metadata_keys.OUTPUT_SHA256: hashlib.sha256(text.encode()).hexdigest()}


def published_output(metadata: Mapping[str, str]) -> JsonObject | None:
    """The output that a publication carries; None when it was too large for that, or cannot be read any more."""
    try:
        plain = metadata.get(metadata_keys.OUTPUT)
        output = json.loads(unpacked(metadata[metadata_keys.OUTPUT_GZIP]) if plain is None else plain)
    except (KeyError, ValueError, RecursionError):
        return None
    return output if isinstance(output, dict) else None
