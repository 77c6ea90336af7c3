"""Conductor's files: which Java runtime runs the server, and where it writes."""

from pathlib import Path

import pytest

from perago_dev.host import cache, java
from perago_dev.servers.conductor_files import Files


def test_an_installed_jdk_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The nodes see one folder, and a distribution's JDK is links out of its own: the runtime is always PyPI's."""
    monkeypatch.setenv("PERAGO_CACHE", str(tmp_path / "cache"))
    cached = tmp_path / "cache" / "jdk" / cache.key(java.PYPI_PACKAGE)
    cached.mkdir(parents=True)
    program = tmp_path / "jdk" / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\necho 'openjdk version \"99\"'\n")
    program.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "jdk"))
    assert java.home() == cached / java.RUNTIME


def test_temporary_files_go_where_the_caller_says() -> None:
    """Conductor leaves several megabytes per start in Java's temporary folder, which must not be the machine's."""
    files = Files(jdk=Path("/jdk"), server=Path("/server"), classes=Path("/classes"))
    assert "-Djava.io.tmpdir=/state/tmp" in files.command("127.0.0.1", 8080, Path("/state/tmp"))
