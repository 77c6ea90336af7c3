"""Prometheus's promtool, built from the Go module that `dev/promtool` pins, when it is needed first."""

from pathlib import Path

from perago_dev.host import cache, toolchain
from perago_dev.host.progress import step
from perago_dev.source import DEV

SOURCE = DEV / "promtool"
PACKAGE = "github.com/prometheus/prometheus/cmd/promtool"


def cached() -> Path:
    """The folder with `promtool`, built if it is not in the cache."""
    return cache.entry("promtool", cache.key(cache.tree_key(SOURCE, [SOURCE]), PACKAGE), _build)


def _build(folder: Path) -> None:
    with step("building promtool from source", "some minutes the first time"):
        toolchain.build(folder, SOURCE, [PACKAGE], "-s -w", "promtool")
