"""MinIO, a block store that speaks S3, on loopback: what lakeFS signs URLs of in tests. No environment has it.

It is built from the Go module that `dev/minio-server` pins, when it is needed first.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from perago_dev.host import cache, processes, toolchain
from perago_dev.host.progress import step
from perago_dev.source import DEV

SOURCE = DEV / "minio-server"
PACKAGE = "github.com/minio/minio"
BUCKET = "perago"
HEALTH = "/minio/health/live"
READY_SECONDS = 240.0
SILENT = {"MINIO_UPDATE": "off", "MINIO_BROWSER": "off", "MINIO_CALLHOME_ENABLE": "off"}
"""Keeps it from asking its makers for updates, and from serving pages."""


@dataclass(frozen=True)
class Store:
    """A server with an empty bucket, `BUCKET`."""

    endpoint: str
    access_key: str
    secret_key: str = field(repr=False)


def cached() -> Path:
    """The folder with `minio`, built if it is not in the cache."""
    return cache.entry("minio", cache.key(cache.tree_key(SOURCE, [SOURCE]), PACKAGE), _build)


def _build(folder: Path) -> None:
    with step("building MinIO from source", "about 4 minutes the first time, on 2 cores"):
        toolchain.build(folder, SOURCE, [PACKAGE], "-s -w", "minio")


@contextmanager
def local_store(folder: Path) -> Iterator[Store]:
    """A server on a free port of loopback, with its objects and its log in `folder`."""
    port, log, data = processes.free_port(), folder / "minio.log", folder / "data"
    (data / BUCKET).mkdir(parents=True)  # a bucket is a folder
    store = Store(f"http://{processes.LOOPBACK}:{port}", "perago", secrets.token_urlsafe(30))
    keys = {"MINIO_ROOT_USER": store.access_key, "MINIO_ROOT_PASSWORD": store.secret_key}
    others = {name: value for name, value in os.environ.items() if not name.startswith("MINIO_")}
    command = [str(cached() / "minio"), "server", "--address", f"{processes.LOOPBACK}:{port}", str(data)]
    with processes.child(command, log, cwd=folder, env={**others, **SILENT, **keys}) as process:
        processes.wait_for_child(process, lambda: processes.answers(store.endpoint + HEALTH), READY_SECONDS, log)
        yield store


def blocks(store: Store, **others: Any) -> dict[str, Any]:
    """lakeFS's settings for a block store in the bucket, and others of its `blockstore.s3`."""
    credentials = {"access_key_id": store.access_key, "secret_access_key": store.secret_key}
    place = {"endpoint": store.endpoint, "region": "us-east-1", "force_path_style": True}
    return {"type": "s3", "s3": {**place, "discover_bucket_region": False, "credentials": credentials, **others}}
