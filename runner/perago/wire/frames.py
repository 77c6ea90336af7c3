"""The frames on the socket between task and agent: a 4-byte big-endian length, then that many bytes of UTF-8 JSON."""

import json
import re
import struct

from perago.wire.base import JsonObject
from perago.wire.depth import MOST_LEVELS, is_too_deep

FRAME_LIMIT = 32 * 1024 * 1024
"""Bytes of JSON in one frame; over Conductor's hard limit of 10 MiB for an output. Nothing longer crosses."""

VALUES_LIMIT = 1_000_000
"""Values in a call of a task. So many short texts took 88 MiB; with more, the agent would outgrow its memory long
before the frame has `FRAME_LIMIT` bytes."""
DEPTH_LIMIT = MOST_LEVELS + 1
"""Levels of lists and objects in a call; the call itself is one, and its output has the others."""

_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_HEADER = struct.Struct(">I")


class FrameError(ValueError):
    """Bytes that do not form a frame: too long, cut short, or not a JSON object."""


class TooComplex(FrameError):
    """A frame of a permitted length with too many values, or too deep; what follows it can still be read."""


def frame_length(header: bytes) -> int:
    """The length that a 4-byte header announces; raises FrameError when it is cut short or over `FRAME_LIMIT`."""
    if len(header) != _HEADER.size:
        raise FrameError(f"the connection ended inside a frame header ({len(header)} of {_HEADER.size} bytes)")
    length: int = _HEADER.unpack(header)[0]
    if length > FRAME_LIMIT:
        raise FrameError(f"a frame of {length} bytes is over the limit of {FRAME_LIMIT}")
    return length


def encode_frame(body: JsonObject) -> bytes:
    """Header and JSON of one frame; raises FrameError when it is over `FRAME_LIMIT`."""
    data = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    if len(data) > FRAME_LIMIT:
        raise FrameError(f"a frame of {len(data)} bytes is over the limit of {FRAME_LIMIT}")
    return _HEADER.pack(len(data)) + data


def decode_frame(data: bytes) -> JsonObject:
    """The JSON object in a frame's bytes; raises FrameError when there is none."""
    try:
        body = json.loads(data.decode("utf-8", "surrogatepass"))
    except RecursionError as error:
        raise TooComplex(f"a frame is nested too deep, over the limit of {DEPTH_LIMIT} levels") from error
    except ValueError as error:
        raise FrameError(f"a frame is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise FrameError(f"a frame holds {type(body).__name__}, not a JSON object")
    return body


def decode_call(data: bytes) -> JsonObject:
    """As `decode_frame`, for what a task sends; raises TooComplex before it takes more memory than the agent has."""
    if _values(data) > VALUES_LIMIT and _values(_STRING.sub(b"", data)) > VALUES_LIMIT:
        raise TooComplex(f"a call has more than {VALUES_LIMIT} values; write large results to the workspace")
    call = decode_frame(data)
    if is_too_deep(call, DEPTH_LIMIT):
        raise TooComplex(f"a call is nested too deep, over the limit of {DEPTH_LIMIT} levels")
    return call


def _values(data: bytes) -> int:
    """How many values the JSON has, at most; exactly that many where its strings are left out."""
    return sum(map(data.count, (b",", b"[", b"{")))
