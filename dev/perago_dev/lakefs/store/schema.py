"""The tables, and how a connection is opened. Knows nothing of what the rows mean to lakeFS."""

import sqlite3
from pathlib import Path

SCHEMA = """
CREATE TABLE IF NOT EXISTS namespace (name TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS repository (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, namespace TEXT NOT NULL,
    default_branch TEXT NOT NULL, created INTEGER NOT NULL, read_only INTEGER NOT NULL, protected TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS branch (
    id INTEGER PRIMARY KEY AUTOINCREMENT, repository INTEGER NOT NULL, name TEXT NOT NULL, commit_id TEXT NOT NULL,
    hidden INTEGER NOT NULL, UNIQUE (repository, name));
CREATE TABLE IF NOT EXISTS tag (
    repository INTEGER NOT NULL, name TEXT NOT NULL, commit_id TEXT NOT NULL,
    PRIMARY KEY (repository, name)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS commits (
    repository INTEGER NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (repository, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS staged (
    branch INTEGER NOT NULL, path TEXT NOT NULL, entry TEXT,
    PRIMARY KEY (branch, path)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS chunk (id TEXT PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS run (
    repository INTEGER NOT NULL, id TEXT NOT NULL, branch TEXT NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (repository, id)) WITHOUT ROWID;
"""

BUSY_SECONDS = 30.0


def connect(path: Path) -> sqlite3.Connection:
    """A connection in autocommit mode, usable from any one thread at a time.

    `synchronous=FULL`: a commit that was answered is on the disk. The writer groups commits to make that cheap.
    """
    connection = sqlite3.connect(path, isolation_level=None, timeout=BUSY_SECONDS, check_same_thread=False)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA cache_size=-16384")
    return connection


def prepare(path: Path) -> None:
    """Creates what is missing."""
    connection = connect(path)
    connection.executescript(SCHEMA)
    connection.close()
