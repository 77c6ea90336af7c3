"""The frames on the socket between task and agent: a 4-byte big-endian length, then that many bytes of UTF-8 JSON."""

import json
import struct

from perago.wire.base import JsonObject

FRAME_LIMIT = 32 * 1024 * 1024
"""Bytes of JSON in one frame; over Conductor's hard limit of 10 MiB for an output. Nothing longer crosses."""

_HEADER = struct.Struct(">I")


class FrameError(ValueError):
    """Bytes that do not form a frame: too long, cut short, or not a JSON object."""


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
    except ValueError as error:
        raise FrameError(f"a frame is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise FrameError(f"a frame holds {type(body).__name__}, not a JSON object")
    return body
