"""The programs that the data plane is compared with, `lakectl` and `curl`, and the trees that all of them move."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from perago_dev.servers import lakefs_programs
from perago_dev.servers.lakefs import Server

BLOCK = os.urandom(1 << 20)
FILES_PER_FOLDER = 1000
CURL_WIDTH = 32


@dataclass(frozen=True)
class Tree:
    """Files of one size; `name` is their prefix in the repository and their folder on the disk."""

    name: str
    files: int
    file_bytes: int
    linked: bool = False
    """Whether the files of a folder are one file by several names, which is made sooner."""

    @property
    def gib(self) -> float:
        """All of it."""
        return self.files * self.file_bytes / (1 << 30)

    def paths(self) -> Iterator[str]:
        """Relative to the tree."""
        return (f"d{number // FILES_PER_FOLDER:03}/f{number:06}" for number in range(self.files))

    def make(self, root: Path) -> Path:
        """Write it; no two files are alike, unless they are linked."""
        folder = first = root / self.name
        for number, path in enumerate(self.paths()):
            target = folder / path
            if self.linked and number % FILES_PER_FOLDER:
                target.hardlink_to(first)
                continue
            first = target
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as file:
                file.write(number.to_bytes(8, "big")[: self.file_bytes])
                while (left := self.file_bytes - file.tell()) > 0:
                    file.write(BLOCK[:left])
        return folder


@dataclass(frozen=True)
class Rivals:
    """Both programs on one repository. Each method returns seconds, and raises CalledProcessError."""

    server: Server
    repository: str

    def lakectl(self, *arguments: str) -> float:
        """One command of lakectl."""
        keys = {
            "LAKECTL_SERVER_ENDPOINT_URL": f"{self.server.endpoint}/api/v1",
            "LAKECTL_CREDENTIALS_ACCESS_KEY_ID": self.server.access_key,
            "LAKECTL_CREDENTIALS_SECRET_ACCESS_KEY": self.server.secret_key,
        }
        program = str(lakefs_programs.cached() / "lakectl")
        return _timed([program, *arguments], {**os.environ, **keys})

    def uri(self, ref: str, prefix: str) -> str:
        """How lakectl names a folder."""
        return f"lakefs://{self.repository}/{ref}/{prefix}/"

    def lakectl_down(self, ref: str, tree: Tree, folder: Path) -> float:
        """The tree into a folder that does not exist."""
        return self.lakectl("fs", "download", "--recursive", "--no-progress", self.uri(ref, tree.name), f"{folder}/")

    def lakectl_up(self, branch: str, source: Path, prefix: str) -> float:
        """A folder to a branch."""
        return self.lakectl(
            "fs", "upload", "--recursive", "--no-progress", "--source", f"{source}/", self.uri(branch, prefix)
        )

    def curl_down(self, ref: str, tree: Tree, folder: Path) -> float:
        """The tree's objects, which curl does not list, into a folder; nothing is verified."""
        base = f"{self.server.endpoint}/api/v1/repositories/{self.repository}/refs/{ref}/objects?path="
        config = folder.with_name(folder.name + ".curl")
        config.touch(mode=0o600)
        lines = [f'user = "{self.server.access_key}:{self.server.secret_key}"', "fail", "create-dirs"]
        for path in tree.paths():
            lines += [f'url = "{base}{quote(f"{tree.name}/{path}", safe="")}"', f'output = "{folder / path}"']
        config.write_text("\n".join(lines))
        program = shutil.which("curl") or "curl"
        parallel = ["--silent", "--show-error", "--parallel", "--parallel-max", str(CURL_WIDTH)]
        try:
            return _timed([program, "--no-progress-meter", *parallel, "--config", str(config)], dict(os.environ))
        finally:
            config.unlink()


def _timed(command: list[str], environment: dict[str, str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    return time.perf_counter() - started
