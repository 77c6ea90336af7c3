"""Builds images from Dockerfiles, tagged with the digest of all their inputs, and loads them into clusters.

It uses buildah where podman runs the cluster, and docker where Docker does. It does not know the images' contents.
"""

import fnmatch
import os
import re
import ssl
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from perago_dev.cluster.target import open_cluster
from perago_dev.environment import Environment
from perago_dev.host import cache, commands, podman, proxies
from perago_dev.host.locks import exclusive, shared
from perago_dev.host.preflight import provider
from perago_dev.host.progress import step
from perago_dev.images import image_store

_COPY = re.compile(r"^(?:COPY|ADD)\s+(?!.*--from=)(.+)$", re.MULTILINE | re.IGNORECASE)
PIP_CONFIGURATION = "/etc/pip.conf"
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
SECRETS = {"pip.conf": PIP_CONFIGURATION, "certificates": CERTIFICATES}
"""The secrets that the Dockerfiles mount where they install packages: id → where."""

OF_EVERY_CONTAINER = ("/etc/hostname", "/etc/hosts", "/etc/resolv.conf")
"""What builders mount by themselves."""


def copied(dockerfile: str) -> list[str]:
    """The sources, relative to the context, of each COPY that does not copy from another stage."""
    sources: list[str] = []
    for arguments in _COPY.findall(dockerfile.replace("\\\n", " ")):
        words = [word for word in arguments.split() if not word.startswith("--")]
        sources += words[:-1]
    return sources


def content_tag(dockerfile: Path, context: Path, build_args: Mapping[str, str]) -> str:
    """A digest of the Dockerfile, of what it copies and of the build arguments (the base image among them)."""
    text = dockerfile.read_text()
    paths = [path for name in copied(text) for path in _matches(context, name)]
    arguments = [f"{name}={value}" for name, value in sorted(build_args.items())]
    return cache.key(text, cache.tree_key(context, paths), *arguments)


def _matches(context: Path, name: str) -> list[Path]:
    if any(char in name for char in "*?["):
        return sorted(path for path in context.iterdir() if fnmatch.fnmatch(path.name, name))
    return [context / name]


def build(dockerfile: Path, context: Path, name: str, build_args: Mapping[str, str] | None = None) -> str:
    """The reference of the image, which is built if necessary. Raises CommandFailed with the build's last lines.

    Every build gets PYTHON_IMAGE; `build_args` adds others.
    """
    arguments = {"PYTHON_IMAGE": image_store.base(), **(build_args or {})}
    reference = f"{image_store.PREFIX}/{name}:{content_tag(dockerfile, context, arguments)}"
    with exclusive(cache.root() / "locks" / f"image-{name}", f"image {name}"):
        if not image_store.has(reference):
            with shared(podman.builds_lock()), step(f"building image {name}", "about 1 minute the first time"):
                _build(dockerfile, context, reference, arguments)
            image_store.forget_old(name)
    return reference


def build_afresh(dockerfile: Path, context: Path, reference: str, base: str, architecture: str) -> None:
    """Build the image for an architecture on this base, with nothing that an earlier build has left.

    Raises CommandFailed with the build's last lines.
    """
    with shared(podman.builds_lock()):
        _build(dockerfile, context, reference, {"PYTHON_IMAGE": base}, architecture)


def _build(dockerfile: Path, context: Path, reference: str, arguments: Mapping[str, str], afresh_for: str = "") -> None:
    afresh = ["--no-cache", "--platform", f"linux/{afresh_for}"] if afresh_for else []
    log = cache.root() / "logs" / f"image-{reference.rsplit('/')[-1].split(':')[0]}.log"
    words = [word for pair in arguments.items() for word in ("--build-arg", "=".join(pair))]
    tail = [*words, "--file", str(dockerfile), "--tag", reference, str(context)]
    if provider() == "docker":
        commands.run(["docker", "build", *afresh, *_docker_options(), *tail], log=log, env={"DOCKER_BUILDKIT": "1"})
        return
    layers = ["--layers=false", *afresh] if afresh else ["--layers"]
    options = ["--isolation", "chroot", "--storage-driver", "overlay", *layers, "--pull-never", *_buildah_options()]
    commands.run(["buildah", "bud", *options, *tail], log=log, env=podman.environment())


def pip_settings(listed: str) -> dict[str, str]:
    """The settings in what `pip config list` printed on this machine, wherever they were made."""
    rows = (row.partition("=") for row in listed.splitlines())
    return {name.rsplit(".", 1)[-1]: value.strip("'\"") for name, _, value in rows}


def pip_configuration(settings: Mapping[str, str]) -> str:
    """A pip.conf with these settings for a build, which has the machine's certificates at CERTIFICATES."""
    inside = {**settings, "cert": CERTIFICATES} if "cert" in settings else settings
    return "\n".join(["[global]", *(f"{name} = {value}" for name, value in inside.items()), ""])


def _machine_files() -> dict[str, str]:
    """How this machine reaches its package index: where a build sees the files → where they lie here."""
    settings = pip_settings(commands.output([sys.executable, "-m", "pip", "config", "list"]))
    file = cache.root() / "pip.conf"
    if not file.exists() or file.read_text() != pip_configuration(settings):
        unfinished = file.with_name(f"pip.conf.{threading.get_ident()}")  # several builds may begin at once
        unfinished.write_text(pip_configuration(settings))
        unfinished.rename(file)
    bundle = settings.get("cert") or ssl.get_default_verify_paths().cafile
    links = [folder for folder in settings.get("find-links", "").split() if Path(folder).is_dir()]
    return {
        PIP_CONFIGURATION: str(file),
        **({CERTIFICATES: bundle} if bundle else {}),
        **{link: link for link in links},
    }


def mounted() -> list[str]:
    """The paths at which builds on this machine find what is not of the image."""
    return [*_machine_files(), *OF_EVERY_CONTAINER]


def _buildah_options() -> list[str]:
    files = _machine_files().items()
    return [word for inside, here in files for word in ("--volume", f"{here}:{inside}:ro")]


def _docker_options() -> list[str]:
    """This machine's files as secrets, which a Dockerfile mounts, and proxies by name: Docker reads their values."""
    files = _machine_files()
    secrets = [f"id={name},src={files[inside]}" for name, inside in SECRETS.items() if inside in files]
    named = [name for name in proxies.VARIABLES if os.environ.get(name)]
    return [*(f"--secret={secret}" for secret in secrets), *(f"--build-arg={name}" for name in named)]


def load(env: Environment, reference: str) -> str:
    """Make a built image available to the environment's pods; returns the reference by which they name it."""
    return open_cluster(env).load([reference])[0]
