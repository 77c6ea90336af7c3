"""Removes what is kept between environments, and lists what was downloaded into the caches of Go, Maven and Docker."""

import os
import shutil
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from perago_dev import environment
from perago_dev.errors import EnvironmentProblem
from perago_dev.host import cache, commands
from perago_dev.host.locks import alone
from perago_dev.host.mounts import unmount_below
from perago_dev.host.preflight import provider
from perago_dev.images import image_store
from perago_dev.source import REPOSITORY

UNITS = ("KB", "MB", "GB")


def clean() -> str:
    """Remove the cache; returns what was removed and what was not. Raises EnvironmentProblem while it is in use."""
    if names := environment.names():
        raise EnvironmentProblem(
            f"the cache is in use by {', '.join(names)}: take every environment down first "
            f"(`python -m perago_dev down --name {names[0]}`)"
        )
    return _removed(cache.root()) + _kept(elsewhere(os.environ, Path.home())) + _images()


def _removed(folder: Path) -> str:
    if not folder.exists():
        return f"{folder} is not there\n"
    if not (folder / "locks").is_dir() or Path.home().is_relative_to(folder) or REPOSITORY.is_relative_to(folder):
        raise EnvironmentProblem(f"{folder} does not look like a cache of this program: remove it by hand if it is one")
    size = readable(kilobytes(folder))
    with ExitStack() as locks:
        for file in (folder / "locks").iterdir():
            if not locks.enter_context(alone(file)):
                raise EnvironmentProblem(f"another run is at work in {folder} ({file.name}): wait for its end")
        unmount_below(folder)
        shutil.rmtree(folder)
    return f"removed {folder} ({size})\n"


def elsewhere(variables: Mapping[str, str], home: Path) -> dict[str, Path]:
    """Where the package clients keep what they downloaded and built for us, each with what it holds."""
    caches = Path(variables.get("XDG_CACHE_HOME") or home / ".cache")
    modules = Path(variables.get("GOPATH", "").split(os.pathsep)[0] or home / "go") / "pkg" / "mod"
    return {
        "Go modules": Path(variables.get("GOMODCACHE") or modules),
        "Go's compiled packages": Path(variables.get("GOCACHE") or caches / "go-build"),
        "Maven artifacts": home / ".m2" / "repository",
    }


def _kept(folders: Mapping[str, Path]) -> str:
    """Other programs use these folders, too, so a person decides."""
    leftovers = {what: folder for what, folder in folders.items() if folder.exists()}
    rows = [f"  {readable(kilobytes(folder)):>8}  {folder}  ({what})\n" for what, folder in leftovers.items()]
    if not rows:
        return ""
    quoted = " ".join(str(folder) for folder in leftovers.values())
    remove = f"to remove them as well: chmod -R u+w {quoted} && rm -r {quoted}\n"
    return "".join(["not removed, as other programs of this machine use them, too:\n", *rows, remove])


def _images() -> str:
    """Where Docker runs the nodes, it also stores the images; podman's are part of the cache."""
    if provider() != "docker":
        return ""
    listed = f"docker image ls --quiet '{image_store.PREFIX}/*'"
    return f"not removed: the images in Docker; to remove them as well: docker image rm $({listed})\n"


def kilobytes(folder: Path) -> int:
    """The space that a folder takes on the disk."""
    return int(commands.output(["du", "-sk", str(folder)]).split()[0])


def readable(kilobytes: float) -> str:
    """An amount of space with the unit in which people say it."""
    amount, units = float(kilobytes), list(UNITS)
    while amount >= 1024 and len(units) > 1:
        amount, units = amount / 1024, units[1:]
    return f"{amount:.1f} {units[0]}" if units[0] == "GB" else f"{amount:.0f} {units[0]}"
