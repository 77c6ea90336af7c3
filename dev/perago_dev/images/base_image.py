"""The Python base image where no public one can be pulled: a minimal Debian, built with debootstrap."""

import shutil
import tempfile
from pathlib import Path

from perago_dev.host import cache, commands, debian, podman
from perago_dev.host.locks import exclusive
from perago_dev.host.mounts import unmount_below
from perago_dev.host.progress import step

REPOSITORY = "localhost/perago/python"
PACKAGES = ("python3", "python3-venv", "ca-certificates")
RECIPE = "1"


def cached() -> str:
    """The reference of the base image, which is built if podman does not have it."""
    digest = cache.key(RECIPE, debian.PACKAGES_OF, ",".join(PACKAGES))
    reference = f"{REPOSITORY}:{digest}"
    with exclusive(cache.root() / "locks" / f"python-{digest}", "the base image"):
        if not podman.has_image(reference):
            with step("building the Python base image", "half a minute"):
                _make(reference)
    return reference


def _make(reference: str) -> None:
    root = cache.root() / "unfinished" / "python"
    if root.exists():
        unmount_below(root)
        shutil.rmtree(root)
    root.mkdir(parents=True)
    debian.bootstrap(root, PACKAGES, cache.root() / "logs" / "base-image.log")
    import_tree(root, reference)
    shutil.rmtree(root)


def import_tree(root: Path, reference: str, changes: tuple[str, ...] = ()) -> None:
    """Turn a root file system into an image in podman's storage, with `changes` as Dockerfile instructions."""
    options = [word for change in changes for word in ("--change", change)]
    with tempfile.NamedTemporaryFile(dir=root.parent, suffix=".tar") as archive:
        commands.output(["tar", "-C", str(root), "-cf", archive.name, "."])
        podman.output("import", "--quiet", *options, archive.name, reference)
