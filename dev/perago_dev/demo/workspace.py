"""The demo's repository, through the official lakeFS client: filled once, with a branch per run."""

from dataclasses import dataclass

import lakefs
from lakefs.client import Client
from lakefs.exceptions import NotFoundException

from perago_dev.demo.checks import Commit
from perago_dev.demo.definitions import next_branch
from perago_dev.servers.lakefs import storage_namespace

STAGING_PREFIX = "perago-staging-"
DEFAULT_BRANCH = "main"


@dataclass(frozen=True)
class Workspace:
    """One repository."""

    repository: lakefs.Repository

    @classmethod
    def of(cls, endpoint: str, access_key: str, secret_key: str, name: str) -> "Workspace":
        """The repository of that name, created if necessary."""
        client = Client(host=endpoint, username=access_key, password=secret_key)
        repository = lakefs.Repository(name, client=client)
        return cls(repository.create(storage_namespace(name), default_branch=DEFAULT_BRANCH, exist_ok=True))

    def fill(self, path: str, content: bytes) -> str:
        """Make sure that the default branch has this object; returns its head, which a second call does not change."""
        branch = self.repository.branch(DEFAULT_BRANCH)
        if self._read(DEFAULT_BRANCH, path) != content:
            branch.object(path).upload(content, mode="wb", content_type="text/csv")
            branch.commit(message="Add daily observations of the weather in Seattle")
        return self.commit(DEFAULT_BRANCH).id

    def new_branch(self, source: str) -> str:
        """Create a branch for one run from this commit."""
        name = next_branch(self.branches())
        self.repository.branch(name).create(source)
        return name

    def branches(self, prefix: str = "") -> list[str]:
        """Names of the branches with this prefix."""
        return [branch.id for branch in self.repository.branches(prefix=prefix)]

    def staging_branches(self) -> list[str]:
        """Staging branches of attempts."""
        return self.branches(STAGING_PREFIX)

    def commit(self, ref: str) -> Commit:
        """The commit that a branch or an id refers to."""
        commit = self.repository.ref(ref).get_commit()
        return Commit(id=commit.id, parents=tuple(commit.parents), metadata=dict(commit.metadata or {}))

    def commits_since(self, ref: str, start: str) -> list[Commit]:
        """What was committed on a branch since a commit, newest first, along the first parents."""
        commits: list[Commit] = []
        commit = self.commit(ref)
        while commit.id != start and commit.parents:
            commits.append(commit)
            commit = self.commit(commit.parents[0])
        return commits

    def files(self, ref: str) -> list[str]:
        """Paths of all objects at a ref."""
        return [str(entry.path) for entry in self.repository.ref(ref).objects()]

    def read(self, ref: str, path: str) -> bytes:
        """One object's content."""
        with self.repository.ref(ref).object(path).reader(mode="rb") as reader:
            content = reader.read()
            return content.encode() if isinstance(content, str) else content

    def _read(self, ref: str, path: str) -> bytes | None:
        try:
            return self.read(ref, path)
        except NotFoundException:
            return None
