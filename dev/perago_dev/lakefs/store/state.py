"""Reading and writing the tables through one connection, within one transaction. Knows no rule of lakeFS."""

import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence

from perago_dev.lakefs.model.entries import Change, Entry, entry_from_json
from perago_dev.lakefs.model.tree import EMPTY, Range, RangeRef, Tree
from perago_dev.lakefs.store.blobs import Blobs
from perago_dev.lakefs.store.cache import Cache
from perago_dev.lakefs.store.rows import Branch, Commit, Repository, Run, commit_from_json


class State:
    """What one transaction sees. `clock` gives nanoseconds since 1970. Also the `Ranges` of the trees."""

    def __init__(self, connection: sqlite3.Connection, cache: Cache, blobs: Blobs, clock: Callable[[], int]) -> None:
        self._db = connection
        self._cache = cache
        self._blobs = blobs
        self.now_ns = clock

    def now(self) -> int:
        """Seconds since 1970."""
        return self.now_ns() // 1_000_000_000

    def read_blob(self, digest: str) -> bytes:
        """The bytes of a small object."""
        return self._blobs.path(digest).read_bytes()

    # Repositories and namespaces

    def repository(self, name: str) -> Repository | None:
        """By name."""
        row = self._db.execute("SELECT * FROM repository WHERE name=?", (name,)).fetchone()
        return _repository(row) if row else None

    def repositories_from(self, start: str) -> Iterator[tuple[str, Repository]]:
        """In order of name, at or after `start`."""
        for row in self._db.execute("SELECT * FROM repository WHERE name>=? ORDER BY name", (start,)):
            yield row[1], _repository(row)

    def add_repository(self, new: Repository) -> int:
        """Returns the new row's id; `new.id` is ignored. The namespace stays used even after deletion."""
        self._db.execute("INSERT INTO namespace VALUES (?)", (new.namespace,))
        cursor = self._db.execute(
            "INSERT INTO repository (name, namespace, default_branch, created, read_only, protected)"
            " VALUES (?,?,?,?,?,?)",
            (new.name, new.namespace, new.default_branch, new.created, new.read_only, json.dumps(new.protected)),
        )
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    def namespace_used(self, name: str) -> bool:
        """Whether any repository ever had it."""
        return self._db.execute("SELECT 1 FROM namespace WHERE name=?", (name,)).fetchone() is not None

    def delete_repository(self, repository: int) -> None:
        """With all that belongs to it, but for chunks and blobs, which others may share."""
        self._db.execute("DELETE FROM staged WHERE branch IN (SELECT id FROM branch WHERE repository=?)", (repository,))
        for table in ("branch", "tag", "commits", "run"):
            self._db.execute(f"DELETE FROM {table} WHERE repository=?", (repository,))
        self._db.execute("DELETE FROM repository WHERE id=?", (repository,))

    def protect(self, repository: int, patterns: Sequence[str]) -> None:
        """Replaces the patterns of protected branches."""
        self._db.execute("UPDATE repository SET protected=? WHERE id=?", (json.dumps(patterns), repository))

    # Branches and tags

    def branch(self, repository: int, name: str) -> Branch | None:
        """By name."""
        row = self._db.execute(
            "SELECT id, name, commit_id, hidden FROM branch WHERE repository=? AND name=?", (repository, name)
        ).fetchone()
        return Branch(row[0], row[1], row[2], bool(row[3])) if row else None

    def branches_from(self, repository: int, start: str) -> Iterator[tuple[str, Branch]]:
        """In order of name, at or after `start`, hidden ones too."""
        query = "SELECT id, name, commit_id, hidden FROM branch WHERE repository=? AND name>=? ORDER BY name"
        for row in self._db.execute(query, (repository, start)):
            yield row[1], Branch(row[0], row[1], row[2], bool(row[3]))

    def add_branch(self, repository: int, name: str, commit_id: str, hidden: bool) -> None:
        """Raises: sqlite3.IntegrityError when the name is taken."""
        self._db.execute(
            "INSERT INTO branch (repository, name, commit_id, hidden) VALUES (?,?,?,?)",
            (repository, name, commit_id, hidden),
        )

    def move_branch(self, branch: int, commit_id: str) -> None:
        """Sets the head."""
        self._db.execute("UPDATE branch SET commit_id=? WHERE id=?", (commit_id, branch))

    def delete_branch(self, branch: int) -> None:
        """With its uncommitted changes."""
        self._db.execute("DELETE FROM staged WHERE branch=?", (branch,))
        self._db.execute("DELETE FROM branch WHERE id=?", (branch,))

    def tag(self, repository: int, name: str) -> str | None:
        """The commit id it names."""
        row = self._db.execute("SELECT commit_id FROM tag WHERE repository=? AND name=?", (repository, name)).fetchone()
        return str(row[0]) if row else None

    def tags_from(self, repository: int, start: str) -> Iterator[tuple[str, str]]:
        """Names and commit ids in order, at or after `start`."""
        query = "SELECT name, commit_id FROM tag WHERE repository=? AND name>=? ORDER BY name"
        yield from self._db.execute(query, (repository, start))

    def add_tag(self, repository: int, name: str, commit_id: str) -> None:
        """Makes or moves it."""
        self._db.execute("INSERT OR REPLACE INTO tag VALUES (?,?,?)", (repository, name, commit_id))

    def delete_tag(self, repository: int, name: str) -> bool:
        """Whether it was there."""
        return self._db.execute("DELETE FROM tag WHERE repository=? AND name=?", (repository, name)).rowcount > 0

    # Commits and action runs

    def commit(self, repository: int, commit_id: str) -> Commit | None:
        """By its whole id."""
        row = self._db.execute(
            "SELECT body FROM commits WHERE repository=? AND id=?", (repository, commit_id)
        ).fetchone()
        return commit_from_json(row[0]) if row else None

    def commit_ids(self, repository: int, prefix: str, limit: int) -> list[str]:
        """Ids (hex) that start with `prefix`."""
        rows = self._db.execute(
            "SELECT id FROM commits WHERE repository=? AND id>=? AND id<? LIMIT ?",
            (repository, prefix, prefix + "g", limit),
        )
        return [row[0] for row in rows]

    def add_commit(self, repository: int, new: Commit) -> None:
        """Its id must be new."""
        self._db.execute("INSERT INTO commits VALUES (?,?,?)", (repository, new.id, new.to_json()))

    def add_run(self, repository: int, run: Run) -> None:
        """Its id must be new."""
        self._db.execute("INSERT INTO run VALUES (?,?,?,?)", (repository, run.id, run.branch, json.dumps(run.__dict__)))

    def runs_from(self, repository: int, start: str) -> Iterator[tuple[str, Run]]:
        """In order of id, newest first, at or after `start`."""
        query = "SELECT id, body FROM run WHERE repository=? AND id>=? ORDER BY id"
        for run_id, body in self._db.execute(query, (repository, start)):
            yield run_id, Run(**json.loads(body))

    # Uncommitted changes

    def staged(self, branch: int, path: str) -> tuple[bool, Entry | None]:
        """Whether there is an uncommitted change of a path, and the entry it leads to (None: deleted)."""
        row = self._db.execute("SELECT entry FROM staged WHERE branch=? AND path=?", (branch, path)).fetchone()
        return (False, None) if row is None else (True, _entry(row[0]))

    def staged_from(self, branch: int, start: str) -> Iterator[Change]:
        """Uncommitted changes in order of path, at or after `start`."""
        query = "SELECT path, entry FROM staged WHERE branch=? AND path>=? ORDER BY path"
        for path, text in self._db.execute(query, (branch, start)):
            yield path, _entry(text)

    def stage(self, branch: int, path: str, entry: Entry | None) -> None:
        text = entry.to_json() if entry is not None else None
        self._db.execute("INSERT OR REPLACE INTO staged VALUES (?,?,?)", (branch, path, text))

    def unstage(self, branch: int, path: str) -> None:
        """Drops the change of one path, if any."""
        self._db.execute("DELETE FROM staged WHERE branch=? AND path=?", (branch, path))

    def unstage_between(self, branch: int, start: str, end: str | None) -> None:
        """Drops changes at or after `start` and before `end` (None: to the last)."""
        if end is None:
            self._db.execute("DELETE FROM staged WHERE branch=? AND path>=?", (branch, start))
        else:
            self._db.execute("DELETE FROM staged WHERE branch=? AND path>=? AND path<?", (branch, start, end))

    # Trees

    def tree(self, metarange: str) -> Tree:
        """The tree of a commit; "" is the empty one."""
        if not metarange:
            return EMPTY
        return self._cache.tree(
            metarange, lambda: Tree([RangeRef(str(last), str(range_id)) for last, range_id in self._chunk(metarange)])
        )

    def save_tree(self, tree: Tree) -> str:
        """Returns the metarange id."""
        metarange = tree.identity()
        self._save_chunk(metarange, tree.refs)
        return metarange

    def load(self, range_id: str) -> Range:
        """A range that was saved."""
        return self._cache.range(range_id, lambda: _range(self._chunk(range_id)))

    def save(self, new: Range) -> str:
        """Stores a range unless it is there; returns its id."""
        range_id = new.identity()
        self._save_chunk(range_id, list(zip(new.paths, new.entries, strict=True)))
        return range_id

    def _chunk(self, chunk_id: str) -> list[list[object]]:
        row = self._db.execute("SELECT body FROM chunk WHERE id=?", (chunk_id,)).fetchone()
        chunk: list[list[object]] = json.loads(row[0])
        return chunk

    def _save_chunk(self, chunk_id: str, content: Sequence[object]) -> None:
        body = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
        self._db.execute("INSERT OR IGNORE INTO chunk VALUES (?,?)", (chunk_id, body))


def _repository(row: tuple[int, str, str, str, int, int, str]) -> Repository:
    return Repository(*row[:5], read_only=bool(row[5]), protected=tuple(json.loads(row[6])))


def _entry(text: str | None) -> Entry | None:
    return None if text is None else entry_from_json(text)


def _range(chunk: list[list[object]]) -> Range:
    return Range([str(path) for path, _ in chunk], [Entry(*fields) for _, fields in chunk])  # type: ignore[misc]
