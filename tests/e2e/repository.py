"""A lakeFS repository of a test's own, through the official client."""

from collections.abc import Mapping
from dataclasses import dataclass

import lakefs
from lakefs.client import Client

from perago_dev.servers.lakefs import storage_namespace

SMALL = {path: f"first {path}".encode() for path in ("changed.txt", "deleted.txt", "kept/deep.txt")}


@dataclass(frozen=True)
class Repository:
    """One repository with branch `main`; `name` is unique to the test."""

    client: Client
    name: str

    @classmethod
    def made(cls, client: Client, name: str, files: Mapping[str, bytes] | None = None) -> "Repository":
        """Create it and give `main` these files, or three small ones; its head is then a usual input ref."""
        lakefs.Repository(name, client=client).create(storage_namespace=storage_namespace(name))
        repository = cls(client, name)
        for path, data in (SMALL if files is None else files).items():
            repository.branch.object(path).upload(data=data)
        repository.branch.commit(message="input")
        return repository

    def delete(self) -> None:
        """Remove it with all that it holds."""
        lakefs.Repository(self.name, client=self.client).delete()

    @property
    def branch(self) -> lakefs.Branch:
        """Branch `main`."""
        return lakefs.Repository(self.name, client=self.client).branch("main")

    def head(self) -> str:
        """Commit id of `main`."""
        return str(self.commit("main").id)

    def commit(self, ref: str) -> lakefs.Commit:
        """A commit with its parents and metadata."""
        return self.at(ref).get_commit()

    def at(self, ref: str) -> lakefs.Reference:
        """Any ref."""
        return lakefs.Repository(self.name, client=self.client).ref(ref)

    def files(self, ref: str = "main") -> dict[str, bytes]:
        """Path → content of all objects at a ref."""
        at = self.at(ref)
        return {one.path: at.object(one.path).reader(mode="rb").read() for one in at.objects()}  # type: ignore[misc]

    def staging_branches(self) -> list[str]:
        """Branches that attempts made and should have removed: whatever its name, every one but `main`."""
        branches = lakefs.Repository(self.name, client=self.client).branches()
        return [branch.id for branch in branches if branch.id != "main"]

    def workspace(self, ref: str | None = None) -> dict[str, str]:
        """The `workspace` of an attempt's input."""
        return {"repository": self.name, "branch": "main", "refType": "commit", "ref": ref or self.head()}
