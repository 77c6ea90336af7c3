"""What keeps a workspace right: its paths, the manifest, what counts as changed, and the directory."""

from tests.mutants.mutant import Mutant, of

paths = of("runner/perago/workspace/paths.py", "perago/workspace/test_paths.py")
listing = of("runner/perago/workspace/listing.py", "perago/workspace/test_listing.py")
changelist = of(
    "runner/perago/workspace/changelist.py", "perago/workspace/test_changelist.py", "perago/taskside/test_client.py"
)
plan = of("runner/perago/workspace/plan.py", "perago/workspace/test_plan.py")
manifest = of("runner/perago/workspace/manifest.py", "perago/workspace/test_manifest.py")
snapshot = of(
    "runner/perago/workspace/snapshot.py",
    "perago/workspace/test_snapshot.py::test_with_a_manifest_nothing_is_read_before_the_body",
    "perago/workspace/test_times.py",
)
sync = of("runner/perago/workspace/sync.py", "perago/workspace/test_sync.py")
directory = of("runner/perago/workspace/directory.py", "perago/workspace/test_directory.py")
hostile = of("runner/perago/workspace/directory.py", "perago/test_hostile_bodies.py")
marker = of(
    "runner/perago/workspace/directory.py",
    "perago/workspace/test_snapshot.py::test_the_marker_is_seen_nowhere_but_below_the_root",
)
staging = of("runner/perago/staging.py", "perago/test_attempt.py")

MUTANTS: tuple[Mutant, ...] = (
    *listing(
        (
            "a file and a folder of one name are not refused",
            'if object_path.startswith(path + "/")), None)',
            "if False), None)",
        ),
        (
            "a file and a folder of one name are found only side by side",
            "while self._above and not object_path.startswith(self._above[-1]):",
            "while self._above:",
        ),
        (
            "a folder marker with content loses its content",
            "        if is_folder and size:",
            "        if False:",
        ),
        (
            "only the first object in the way is named",
            "        if self.problems <= MOST_NAMED:",
            "        if self.problems == 1:",
        ),
    ),
    *changelist(
        (
            "modified files are not staged",
            "return _Lines(self._descriptor, self._begin).paths(self.added + self.modified)",
            "return _Lines(self._descriptor, self._begin).paths(self.added)",
        ),
        (
            "a path that was cut off is published",
            '        if not line.endswith(b"\\n"):',
            "        if False:",
        ),
        ("a deleted path is not checked", "        for path in lines.paths(self.deleted):", "        for path in ():"),
        ("the list is written through a link", '    with open(path, "xb", opener', '    with open(path, "wb", opener'),
        (
            "a umask of the body keeps the agent from its list",
            "    os.fchmod(descriptor, 0o600)\n",
            "",
        ),
    ),
    *paths(
        ("an object leaves the workspace through ..", 'if part in ("", ".", ".."):', 'if part in ("", "."):'),
        ("a backslash becomes a folder elsewhere", """if "\\\\" in path or "\\0" in path:""", 'if "\\0" in path:'),
        (
            "objects of a neighbour with the same beginning are downloaded",
            'not path.startswith(prefix + "/")',
            "not path.startswith(prefix)",
        ),
        (
            "the marker of another attempt is downloaded over ours",
            "return None if relative == ATTEMPT_WORKSPACE_MARKER else Path(relative)",
            "return Path(relative)",
        ),
        (
            "a file is published outside of the prefix",
            'return f"{prefix}/{relative}" if prefix else relative',
            "return relative",
        ),
        (
            "a name that no file system holds is downloaded",
            "len(part.encode()) > LONGEST_NAME_BYTES), None)",
            "len(part) > LONGEST_NAME_BYTES), None)",
        ),
    ),
    *plan(
        (
            "a change within one tick of the clock is lost",
            "elif stat != recorded or stat[2] >= started_ns:",
            "elif stat != recorded or stat[2] > started_ns:",
        ),
        (
            "a change that keeps size and times is lost",
            "elif stat != recorded or stat[2] >= started_ns:",
            "elif stat != recorded:",
        ),
        (
            "a file that became a symlink counts as unchanged where the size fits",
            "if (size, kind) == (stat[0], stat[4])",
            "if size == stat[0]",
        ),
        (
            "a deletion is lost when a file was added",
            "if len(after) - len(added) < len(before) else ()",
            "if len(after) < len(before) else ()",
        ),
        ("every doubtful file counts as modified", "if after[path] != before[path]}", "}"),
    ),
    *manifest(
        (
            "a manifest that was cut short is used",
            'if header != HEADER or end != {"files": len(stats)}:',
            "if header != HEADER:",
        ),
        (
            "a manifest of another version or hash is used",
            'if header != HEADER or end != {"files": len(stats)}:',
            'if end != {"files": len(stats)}:',
        ),
        (
            "an interrupted download leaves a manifest that looks complete",
            "            if error is None:\n",
            "            if True:\n",
        ),
        ("a manifest of more than a thousand files is refused", "self._count += len(rows)", "self._count = len(rows)"),
        ("a symlink of the body's is read through", "flags | os.O_NOFOLLOW | os.O_NONBLOCK", "flags | os.O_NONBLOCK"),
    ),
    *snapshot(
        ("files are hashed again although the manifest has them", "    if manifest is None:\n", "    if True:\n"),
        (
            "every file is hashed after the body",
            "hash_paths(directory, stats, comparison.doubtful, digests_before) if comparison.doubtful else {}",
            "hash_paths(directory, stats, stats, digests_before)",
        ),
        (
            "a change is lost where the times of a file system prove nothing",
            "clock_of(directory) if times_prove(directory) else NOTHING_IS_OLDER",
            "clock_of(directory)",
        ),
    ),
    *sync(
        (
            "objects outside of the prefix are deleted",
            "((path, workspace_local_path(spec, path)) for path in existing - uploaded)",
            "((path, Path(path)) for path in existing - uploaded)",
        ),
        (
            "what is excluded is uploaded",
            "filterfalse(exclusion(spec.exclude), scan(root.resolve()))",
            "scan(root.resolve())",
        ),
        ("what is excluded is deleted", " and not excluded(local.as_posix())", ""),
        ("a symlink is uploaded as what it points to", "    refuse_symlinks(root, paths)\n", ""),
    ),
    *directory(
        (
            "another attempt's directory is taken over",
            "    directory.mkdir()\n",
            "    directory.mkdir(exist_ok=True)\n",
        ),
        (
            "any directory is removed as if it were an attempt's",
            "if not ours and not (path / ATTEMPT_WORKSPACE_MARKER).is_file():",
            "if not ours and not path.is_dir():",
        ),
        (
            "a directory that cannot be made whole is left behind",
            "        cleanup_attempt_workspace_safely(directory, attempt)\n        raise",
            "        raise",
        ),
        (
            "removing a directory follows a symlink to somebody else's",
            "if path.is_symlink() or not path.is_dir():\n            path.unlink()",
            "if not path.is_dir():\n            path.unlink()",
        ),
        (
            "two executions share a directory",
            "task_id={safe_value(attempt, 'task_id')}-exec={safe_value(attempt, 'execution_id')}",
            "task_id={safe_value(attempt, 'task_id')}",
        ),
    ),
    *hostile(
        (
            "a workspace that was replaced by a symlink is walked",
            "os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW",
            "os.O_RDONLY | os.O_DIRECTORY",
        ),
    ),
    *marker(
        ("the marker is published", "    stats.pop(ATTEMPT_WORKSPACE_MARKER, None)\n", ""),
    ),
    *staging(
        ("two executions share a staging branch", """        f"exec-{safe_value(attempt, 'execution_id')}",\n""", ""),
        (
            "two iterations of a loop share a staging branch",
            """        f"iteration-{safe_value(attempt, 'iteration')}",\n""",
            "",
        ),
        (
            "a name with characters of a path becomes a branch name",
            """_UNSAFE.sub("-", str(getattr(attempt, name)))""",
            "str(getattr(attempt, name))",
        ),
    ),
)
