"""Which Go builds the programs."""

import pytest

from perago_dev.host import toolchain


@pytest.mark.parametrize(
    ("printed", "version"),
    [("go version go1.26.8 linux/amd64", (1, 26)), ("go version go1.19.8 linux/amd64", (1, 19)), ("", (0, 0))],
)
def test_go_tells_its_version(printed: str, version: tuple[int, int]) -> None:
    """Versions compare as numbers, not as text."""
    assert toolchain.go_version(printed) == version
