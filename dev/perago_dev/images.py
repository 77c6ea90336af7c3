"""Builds images from Dockerfiles, tagged with the digest of all they are made from, and puts them into clusters.

Buildah does it beside podman, docker where Docker runs the cluster. It knows nothing of what the images hold.
"""

import fnmatch
import re
import ssl
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from perago_dev import cache, commands, image_store, podman
from perago_dev.cluster.target import open_cluster
from perago_dev.environment import Environment
from perago_dev.locks import exclusive, shared
from perago_dev.preflight import provider
from perago_dev.progress import step

_COPY = re.compile(r"^(?:COPY|ADD)\s+(?!.*--from=)(.+)$", re.MULTILINE | re.IGNORECASE)
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"


def copied(dockerfile: str) -> list[str]:
    """The sources, relative to the context, of every COPY that does not copy from another stage."""
    sources: list[str] = []
    for arguments in _COPY.findall(dockerfile.replace("\\\n", " ")):
        words = [word for word in arguments.split() if not word.startswith("--")]
        sources += words[:-1]
    return sources


def content_tag(dockerfile: Path, context: Path, build_args: Mapping[str, str]) -> str:
    """A digest of the Dockerfile, of what it copies and of the build arguments (the base image among them)."""
    text = dockerfile.read_text()
    found = [path for name in copied(text) for path in _matches(context, name)]
    arguments = [f"{name}={value}" for name, value in sorted(build_args.items())]
    return cache.key(text, cache.tree_key(context, found), *arguments)


def _matches(context: Path, name: str) -> list[Path]:
    if any(char in name for char in "*?["):
        return sorted(path for path in context.iterdir() if fnmatch.fnmatch(path.name, name))
    return [context / name]


def build(dockerfile: Path, context: Path, name: str, build_args: Mapping[str, str] | None = None) -> str:
    """The reference of the image, built when it is not there. Raises CommandFailed with the build's last lines.

    PYTHON_IMAGE is given to every build; `build_args` adds others.
    """
    arguments = {"PYTHON_IMAGE": image_store.base(), **(build_args or {})}
    reference = f"{image_store.PREFIX}/{name}:{content_tag(dockerfile, context, arguments)}"
    with exclusive(cache.root() / "locks" / f"image-{name}", f"image {name}"):
        if not image_store.has(reference):
            with shared(podman.builds_lock()), step(f"building image {name}", "about 1 minute the first time"):
                _build(dockerfile, context, reference, arguments)
            image_store.forget_old(name)
    return reference


def _build(dockerfile: Path, context: Path, reference: str, arguments: Mapping[str, str]) -> None:
    log = cache.root() / "logs" / f"image-{reference.rsplit('/')[-1].split(':')[0]}.log"
    words = [word for pair in arguments.items() for word in ("--build-arg", "=".join(pair))]
    tail = [*words, "--file", str(dockerfile), "--tag", reference, str(context)]
    if provider() == "docker":
        commands.run(["docker", "build", *tail], log=log)
        return
    options = ["--isolation", "chroot", "--storage-driver", "overlay", "--layers", "--pull-never", *_machine_volumes()]
    commands.run(["buildah", "bud", *options, *tail], log=log, env=podman.environment())


def pip_configuration(listed: str) -> str:
    """A pip.conf that says what `pip config list` printed on this machine, wherever it was set."""
    settings = {}
    for row in listed.splitlines():
        name, _, value = row.partition("=")
        settings[name.rsplit(".", 1)[-1]] = value.strip("'\"")
    return "\n".join(["[global]", *(f"{name} = {value}" for name, value in settings.items()), ""])


def _machine_volumes() -> Sequence[str]:
    """What a build sees of this machine, read-only: its certificates, and how it reaches its package index."""
    file = cache.root() / "pip.conf"
    configuration = pip_configuration(commands.output([sys.executable, "-m", "pip", "config", "list"]))
    if not file.exists() or file.read_text() != configuration:
        file.write_text(configuration)
    mounts = {str(file): "/etc/pip.conf"}
    if bundle := ssl.get_default_verify_paths().cafile:
        mounts[bundle] = CERTIFICATES
    for found in re.findall(r"find-links = (/\S+)", configuration):
        if Path(found).is_dir():
            mounts[found] = found
    return [word for host, inside in mounts.items() for word in ("--volume", f"{host}:{inside}:ro")]


def load(env: Environment, reference: str) -> str:
    """Make a built image available to the environment's pods; gives the reference by which they name it."""
    return open_cluster(env).load([reference])[0]
