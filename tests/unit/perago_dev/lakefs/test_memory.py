"""Memory stays flat, whatever the size of an object."""

import json
from collections.abc import Iterator

from tests.unit.perago_dev.lakefs.http_api import Api

SIZE_MIB = 192
ALLOWED_MIB = 48
"""Measured with 1 GiB: 16 MiB more up, 16 MiB more down, 20 MiB more as a form; the margin is for the allocator."""
MIB = b"\0" * (1024 * 1024 - 1)


def body() -> Iterator[bytes]:
    """Pieces of a MiB, each different."""
    for number in range(SIZE_MIB):
        yield MIB + bytes([number])


def form() -> Iterator[bytes]:
    """The same as the field `content` of a form."""
    yield b'--XX\r\nContent-Disposition: form-data; name="content"; filename="f"\r\n\r\n'
    yield from body()
    yield b"\r\n--XX--\r\n"


def peak_mib(pid: int) -> int:
    """The highest resident memory so far."""
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) // 1024 for line in status if line.startswith("VmHWM"))


def test_large_objects_pass_through(api: Api, repo: str) -> None:
    """Up raw, up as a form, and down: the peak grows by a fraction of the object's size."""
    path = f"{repo}/branches/main/objects?path="
    api.call("POST", path + "warm", body=b"x")
    before = peak_mib(api.server.pid)
    raw = json.loads(api.call("POST", path + "raw", body=body()).data)
    api.keys["Content-Type"] = "multipart/form-data; boundary=XX"
    formed = json.loads(api.call("POST", path + "form", body=form()).data)
    answer = api.call("GET", f"{repo}/refs/main/objects?path=raw", preload_content=False)
    received = sum(len(piece) for piece in answer.stream(1024 * 1024))
    assert raw["size_bytes"] == formed["size_bytes"] == received == SIZE_MIB * 1024 * 1024
    assert raw["checksum"] == formed["checksum"]
    assert peak_mib(api.server.pid) - before < ALLOWED_MIB
