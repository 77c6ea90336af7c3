"""Takes an environment down without leaving a process, mount, interface, cgroup, setting or file behind."""

import shutil

from perago_dev import environment, state
from perago_dev.cluster.kind import Kind
from perago_dev.host import podman, preflight, sysctls
from perago_dev.host.progress import say, step


def down(name: str) -> None:
    """Remove the environment, complete or not; succeeds if there is none."""
    with state.hold(name) as folder:
        if not folder.exists():
            say(f"environment {name!r} is not up")
            if not environment.names():
                sysctls.restore()  # in case an earlier `down` could not
            return
        with step(f"taking environment {name!r} down"):
            engine = preflight.provider()
            if (state.mark(folder) or {}).get("cluster") != "current" and shutil.which(engine):
                Kind(folder, engine, folder, name).delete()
            shutil.rmtree(folder)
            if not environment.names():
                _after_the_last()


def _after_the_last() -> None:
    """Remove what environments share on this host, except the cache."""
    sysctls.restore()
    if preflight.provider() == "podman":
        podman.leave_nothing()
