"""The CRDs of the Prometheus operator, as its Go module has them: for tests of what the chart renders for it."""

import json
from pathlib import Path

from perago_dev.errors import EnvironmentProblem
from perago_dev.host import commands, toolchain

MODULE = "github.com/prometheus-operator/prometheus-operator@v0.85.0"
SUM = "h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s="
"""Of the module's files, as `go mod download -json` shows it."""
KINDS = ("podmonitors", "prometheusrules", "servicemonitors")


def crds() -> list[Path]:
    """The files with the CRDs of `KINDS`, downloaded if Go's module cache does not have them."""
    module = json.loads(commands.output([toolchain.go_program(), "-C", "/", "mod", "download", "-json", MODULE]))
    if module["Sum"] != SUM:
        raise EnvironmentProblem(f"{MODULE} is not what is pinned: its sum is {module['Sum']}")
    folder = Path(module["Dir"]) / "example" / "prometheus-operator-crd"
    return [folder / f"monitoring.coreos.com_{kind}.yaml" for kind in KINDS]
