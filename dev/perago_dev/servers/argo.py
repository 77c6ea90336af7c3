"""Argo Workflows' controller, a peer that the bench measures beside Perago. No environment has it.

It is built from the Go module that `dev/argo` pins, when it is needed first, with its own minimal CRDs beside it.
"""

from pathlib import Path

from perago_dev.host import cache, commands, toolchain
from perago_dev.host.progress import step
from perago_dev.source import DEV

SOURCE = DEV / "argo"
MODULE = "github.com/argoproj/argo-workflows/v3"
PACKAGE = f"{MODULE}/cmd/workflow-controller"
PROGRAM = "workflow-controller"
CRDS = "manifests/base/crds/minimal"
"""Without schemas, which is what Argo's own installation for production uses."""


def cached() -> Path:
    """The folder with `workflow-controller` and its `crds.yaml`, built if it is not in the cache."""
    return cache.entry("argo", cache.key(cache.tree_key(SOURCE, [SOURCE]), PACKAGE, CRDS), _build)


def _build(folder: Path) -> None:
    with step("building Argo Workflows' controller from source", "about 4 minutes the first time, on 2 cores"):
        toolchain.build(folder, SOURCE, [PACKAGE], "-s -w", "argo")
    command = [toolchain.go_program(), "-C", str(SOURCE), "list", "-m", "-f", "{{.Dir}}", MODULE]
    crds = Path(commands.output(command, env={"GOWORK": "off"}).strip()) / CRDS
    (folder / "crds.yaml").write_text("\n---\n".join(file.read_text() for file in sorted(crds.glob("argoproj*.yaml"))))
