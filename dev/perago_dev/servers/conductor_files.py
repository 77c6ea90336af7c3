"""Downloads the Conductor server and makes it start quickly: unpacked, with an archive of its loaded classes.

Measured on 2 cores, start to first answer: stock 24 s, unpacked 17 s, with the archive 5 s. It does not
know where the server will run, except that the jar and the runtime must have the same paths there as here.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from perago_dev.host import cache, commands, java, processes, proxies
from perago_dev.host.progress import step

VERSION = "3.32.3"
ARTIFACT = f"org.conductoross:conductor-server:{VERSION}:jar:boot"
MAVEN_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1"
JAR = "conductor-server.jar"
ARCHIVE = "classes.jsa"
JVM_OPTIONS = ("-Xms128m", "-Xmx512m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto")
"""Limited in memory and quick to start, because it serves one person or one test run."""
SERVER_OPTIONS = (
    "--conductor.scheduler.enabled=false",
    "--conductor.integrations.ai.enabled=false",
    "--conductor.app.systemTaskWorkerPollInterval=200ms",
)
"""It looks for work of its own less often than by default: idle, it takes 5.5 % of a core in place of 7.2 %."""
TRAINING_SECONDS = 240.0
DUMP_SECONDS = 90.0


@dataclass(frozen=True)
class Files:
    """The folders that a server needs, at the same paths everywhere."""

    jdk: Path
    server: Path
    classes: Path

    def command(self, address: str, port: int, temporary: Path) -> list[str]:
        """The command line of a server whose state is its working directory.

        It leaves files behind in `temporary`, an existing folder.
        """
        options = [f"-XX:SharedArchiveFile={self.classes / ARCHIVE}", f"-Djava.io.tmpdir={temporary}"]
        return _command(self.jdk, self.server, options, address, port)


def _command(jdk: Path, server: Path, options: Sequence[str], address: str, port: int) -> list[str]:
    listen = [f"--server.port={port}", f"--server.address={address}"]
    return [str(jdk / "bin/java"), *JVM_OPTIONS, *options, "-jar", str(server / JAR), *listen, *SERVER_OPTIONS]


def cached() -> Files:
    """The server and everything that it needs, from the cache; downloaded and prepared if it is not there."""
    jdk = java.home()
    server = cache.entry("conductor", cache.key(ARTIFACT, "unpacked"), lambda folder: _download(jdk, folder))
    digest = cache.key(ARTIFACT, str(server), str(jdk), (jdk / "release").read_bytes(), *JVM_OPTIONS)
    return Files(jdk, server, cache.entry("conductor-classes", digest, lambda folder: _train(jdk, server, folder)))


def _download(jdk: Path, folder: Path) -> None:
    """The jar, unpacked into a small jar and its libraries beside it."""
    log = cache.root() / "logs" / "conductor.log"
    fetched = folder / "fetched"
    get = ["mvn", "--batch-mode", "--no-transfer-progress", f"{MAVEN_PLUGIN}:copy"]
    with step(f"downloading Conductor {VERSION}", "458 MB"):
        settings = {"MAVEN_OPTS": proxies.maven_options(os.environ)}
        command = [*get, f"-Dartifact={ARTIFACT}", f"-DoutputDirectory={fetched}"]
        commands.run(command, log=log, env=settings, cwd=folder)
        whole = next(fetched.glob("*.jar")).rename(fetched / JAR)
        unpack = [str(jdk / "bin/java"), "-Djarmode=tools", "-jar", str(whole), "extract", "--force"]
        commands.run([*unpack, "--destination", str(folder)], log=log)
        whole.unlink()
        fetched.rmdir()


def _train(jdk: Path, server: Path, folder: Path) -> None:
    """Start the server once and have it write an archive of the classes that it loaded."""
    port = processes.free_port()
    work = folder / "work"
    (work / "tmp").mkdir(parents=True)
    options = [f"-XX:ArchiveClassesAtExit={folder / ARCHIVE}", f"-Djava.io.tmpdir={work / 'tmp'}"]
    log = work / "training.log"
    with step("preparing Conductor's start", "half a minute, once"):
        command = _command(jdk, server, options, processes.LOOPBACK, port)
        with processes.child(command, log, cwd=work, stop_seconds=DUMP_SECONDS) as process:
            url = f"http://{processes.LOOPBACK}:{port}/health"
            processes.wait_for_child(process, lambda: processes.answers(url), TRAINING_SECONDS, log)
    commands.output(["rm", "-r", str(work)])
