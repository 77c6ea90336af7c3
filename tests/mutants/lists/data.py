"""What moves bytes: downloads, uploads, the volume, and the agent's clients of lakeFS, Conductor and the API server."""

from tests.mutants.mutant import Mutant, of

AGENT = "runner/perago/agent"
TESTS = "perago/agent"

transfer = of(f"{AGENT}/data/transfer.py", f"{TESTS}/data/test_transfer.py")
streams = of(f"{AGENT}/data/streams.py", f"{TESTS}/data/test_streams.py", f"{TESTS}/data/test_transfer.py")
arriving = of(f"{AGENT}/data/arriving.py", f"{TESTS}/data/test_transfer.py")
exchange = of(f"{AGENT}/clients/exchange.py", f"{TESTS}/clients/test_exchange.py")
channel = of(f"{AGENT}/clients/channel.py", f"{TESTS}/clients/test_channel.py")
moving = of(f"{AGENT}/data/moving.py", f"{TESTS}/data/test_transfer.py")
sending = of(f"{AGENT}/data/sending.py", f"{TESTS}/data/test_transfer.py")
told = of(f"{AGENT}/data/moving.py", f"{TESTS}/test_reporter.py")
volume = of(f"{AGENT}/data/volume.py", f"{TESTS}/data/test_volume.py")
parallel = of(f"{AGENT}/data/parallel.py", f"{TESTS}/data/test_parallel.py", f"{TESTS}/test_fence.py")
http = of(f"{AGENT}/clients/http.py", f"{TESTS}/clients/test_http.py", f"{TESTS}/clients/test_lakefs.py")
lakefs = of(f"{AGENT}/clients/lakefs.py", f"{TESTS}/clients/test_lakefs.py")
objects = of(f"{AGENT}/clients/objects.py", f"{TESTS}/clients/test_lakefs.py")
lakefs_errors = of(f"{AGENT}/clients/lakefs_errors.py", f"{TESTS}/test_failures.py", f"{TESTS}/clients/test_lakefs.py")
attempt_api = of(f"{AGENT}/clients/attempt_api.py", f"{TESTS}/clients/test_attempt_api.py")
conductor = of(f"{AGENT}/clients/conductor.py", f"{TESTS}/clients/test_conductor.py")

MUTANTS: tuple[Mutant, ...] = (
    *transfer(
        (
            "objects after the first page are not downloaded",
            "            if page.after is None:\n                return\n",
            "            return\n",
        ),
        (
            "the volume is filled without a check",
            "            space.plan(stats.size, stats.path)\n",
            "            pass\n",
        ),
        (
            "deletions after the first thousand are lost",
            "while objects := [object_path(self._spec, path) for path in islice(remaining, PAGE)]:",
            "if objects := [object_path(self._spec, path) for path in islice(remaining, PAGE)]:",
        ),
        ("a task publishes a hook of the repository", "    if name.startswith(ACTIONS):", "    if False:"),
        ("a path that is too long is lakeFS's fault", "> LONGEST_PATH:", "> 1 << 20:"),
        (
            "the objects in the way on later pages are not named",
            "            if place is None or listing.problems:\n",
            "            listing.check()\n            if place is None:\n",
        ),
    ),
    *arriving(
        (
            "descriptors leak",
            "            return entry_for(place.path, os.fstat(descriptor), digest)\n        finally:\n            os.close(descriptor)",
            "            return entry_for(place.path, os.fstat(descriptor), digest)\n        finally:\n            pass",
        ),
        (
            "descriptors of small files leak",
            "        return entry_for(path, os.fstat(descriptor), digest)\n    finally:\n        os.close(descriptor)",
            "        return entry_for(path, os.fstat(descriptor), digest)\n    finally:\n        pass",
        ),
        (
            "the manifest has a stat from before the last write",
            "            digest = self._receiver.receive(stats, descriptor, place.path)\n            return entry_for(place.path, os.fstat(descriptor), digest)",
            "            facts = os.fstat(descriptor)\n            digest = self._receiver.receive(stats, descriptor, place.path)\n            return entry_for(place.path, facts, digest)",
        ),
        (
            "the manifest has a stat of a small file from before it was written",
            "        write_all(descriptor, content, path)\n        return entry_for(path, os.fstat(descriptor), digest)",
            "        facts = os.fstat(descriptor)\n        write_all(descriptor, content, path)\n        return entry_for(path, facts, digest)",
        ),
        ("what did not come together is lost", "in batch[len(entries) :]", "in batch[len(batch) if entries else 0 :]"),
    ),
    *exchange(
        (
            "what follows the announced end of a connection is taken for an answer",
            "            if not self._is_free():\n                raise self._broken(",
            "            if False:\n                raise self._broken(",
        ),
    ),
    *channel(
        ("each piece that arrives is written alone", "len(buffer), socket.MSG_WAITALL)", "len(buffer))"),
        ("each record of TLS is written alone", "            count += received\n", "            return received\n"),
    ),
    *moving(
        ("a corrupt download is continued", "        sink.restart()\n", ""),
        ("one corrupt download fails the attempt", "            before = error", "            raise"),
        (
            "what arrives corrupt twice is accepted",
            "            if not same_content(before, error):\n                raise\n",
            "",
        ),
        ("a download that broke off begins again", "stats, sink.size), patience)", "stats), patience)"),
        (
            "a part is written over the first one",
            "write_at(file[0], piece, at, file[1])",
            "write_at(file[0], piece, 0, file[1])",
        ),
        (
            "a part that broke off begins again",
            "bodies.fetch(ref, stats, at, end - 1)",
            "bodies.fetch(ref, stats, part[0], end - 1)",
        ),
        (
            "what moves is given up nevertheless",
            "            patience.heard()\n            self._underway",
            "            self._underway",
        ),
    ),
    *sending(
        ("an upload is not verified", "        source.check(self._calls", "        str(self._calls"),
        (
            "what is stored is not read back",
            "            if self._stored_md5(path) != source.md5:\n                raise\n",
            "",
        ),
    ),
    *told(("threads tell nobody what they wait for", "underway=self._underway)", "underway=None)")),
    *streams(
        (
            "a corrupt object is accepted",
            "    if may_be_md5(stats.checksum) and stats.checksum != hexdigest:",
            "    if False:",
        ),
        ("an object that was cut short is accepted", "    if stats.size != size:", "    if stats.size < size:"),
        (
            "an object that has no MD5 is refused",
            "may_be_md5(stats.checksum) and stats.checksum != hexdigest",
            "stats.checksum != hexdigest",
        ),
        (
            "a file that is rewritten while it is sent is published",
            "                self.require_unchanged()\n",
            "                pass\n",
        ),
        ("a transfer that begins again keeps what it had", "        os.ftruncate(self._descriptor, 0)\n", ""),
        (
            "a corrupt small object is accepted",
            "    if len(content) != stats.size or (checked and hexdigest != stats.checksum):",
            "    if False:",
        ),
        ("more arrives than was planned", "        if self.size > self._expected.size:", "        if False:"),
    ),
    *volume(
        (
            "the agent reads through a symlink of the task's",
            "_READ = os.O_RDONLY | os.O_NOFOLLOW |",
            "_READ = os.O_RDONLY |",
        ),
        (
            "the agent writes through a folder of the task's that is a symlink",
            "_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW |",
            "_FOLDER = os.O_RDONLY | os.O_DIRECTORY |",
        ),
        ("the agent overwrites a file that is there", "os.O_CREAT | os.O_EXCL |", "os.O_CREAT |"),
        (
            "the agent publishes what a device says",
            "        if not stat.S_ISREG(os.fstat(descriptor).st_mode):",
            "        if False:",
        ),
        ("more is planned than the volume holds", "if self._limit and self._planned > self._limit:", "if False:"),
        ("more is planned than is free", "        if self._planned > self._free:", "        if False:"),
        ("only the largest object counts", "        self._planned += size", "        self._planned = size"),
        (
            "half a chunk is written",
            "            view = view[os.write(descriptor, view) :]",
            "            os.write(descriptor, view)\n            view = view[:0]",
        ),
        (
            "a folder that two downloads make at once fails one of them",
            "    except FileExistsError:\n        return\n",
            "    except ZeroDivisionError:\n        return\n",
        ),
        (
            "the manifest is part of the workspace",
            'self.manifest = root / f".perago-manifest',
            'self.manifest = self._directory / f".perago-manifest',
        ),
    ),
    *parallel(
        (
            "the failure is a consequence of the first one",
            "                if self.failure is None and not self._stopped:",
            "                if True:",
        ),
        ("what is under way is waited for without an end", "            abort()\n", ""),
        (
            "the caller gets a group in place of the failure",
            "    except ExceptionGroup as failures:\n        raise failures.exceptions[0] from failures\n",
            "    except ZeroDivisionError:\n        raise\n",
        ),
    ),
    *http(
        ("a gateway's 502 is a refusal", "return status in LATER or status >= 500", "return status in LATER"),
        ("an overloaded server is not asked again", "return status in LATER or status >= 500", "return status >= 500"),
        (
            "an address without TLS is asked again and again",
            "return NoTls(server, words) if words in NO_TLS else None",
            "return None",
        ),
        (
            "a connection that broke ends the attempt",
            "except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:",
            "except (TimeoutError, ConnectionError) as error:",
        ),
        (
            "a time-out ends the attempt",
            "except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:",
            "except (aiohttp.ClientError, ConnectionError) as error:",
        ),
        (
            "a proxy's page is an answer",
            '        raise NoAnswer(\n            server, f"{server} did not answer ({what}): {response.status} with a body that is not JSON"\n        ) from error',
            "        return {}",
        ),
    ),
    *lakefs(
        (
            "a server that stops to read is waited for",
            "total=longest_seconds, sock_connect",
            "total=None, sock_connect",
        ),
        (
            "nobody asks whether a server is still there",
            "connector=aiohttp.TCPConnector(socket_factory=watched_socket)",
            "connector=None",
        ),
        ("only the first page of history is read", 'if not page["pagination"]["has_more"]:', "if True:"),
        ("a squash merge keeps the staging commits", '"squash_merge": True', '"squash_merge": False'),
        ("history is read beside the first parents", 'first_parent="true"', 'first_parent="false"'),
        (
            "history after its first page is not read",
            '            after = page["pagination"]["next_offset"]\n',
            "            return\n",
        ),
        (
            "an object that could not be deleted counts as deleted",
            '        for error in (await call)["errors"]:',
            "        for error in ():",
        ),
        (
            "a publication has no metadata",
            'body = {"message": message, "metadata": dict(metadata), "squash_merge": True}',
            'body = {"message": message, "squash_merge": True}',
        ),
    ),
    *objects(("a branch name is read as a path", 'return quote(name, safe="")', "return quote(name)")),
    *lakefs_errors(
        (
            "a hook's 500 is tried again",
            "    if transient(status) and kind_of(status, message) is None:",
            "    if transient(status):",
        ),
        ("a hook's refusal is an error of the server", "    (412, ANY, HookRefused),\n", ""),
        ("a branch that exists is an error of the server", "    (409, ANY, Conflict),\n", ""),
        ("a target that somebody writes to is any refusal", '    (400, "dirty branch", UncommittedChanges),\n', ""),
        ("a missing repository is a missing ref", '    (404, "repository not found", RepositoryNotFound),\n', ""),
    ),
    *attempt_api(
        (
            "an overloaded API server is asked again at once",
            '        later = seconds_of(response.headers.get("Retry-After"))\n',
            "        later = 0.0\n",
        ),
        (
            "a 404 of something on the way says that the attempt is gone",
            "    if status == 404 and own is None:",
            "    if False:",
        ),
        (
            "another object of the same name is served",
            "        if attempt.uid != self._order.uid:",
            "        if False:",
        ),
        ("spec.cancel is not read", 'canceled=bool(spec.get("cancel"))', "canceled=False"),
        ("a deletion is not read", 'deleted="deletionTimestamp" in metadata', "deleted=False"),
        ("a conflict loses the status", "status == 409 or _may_pass", "_may_pass"),
        ("a Role that is being replaced ends an attempt", "and NOT_ALLOWED in message", "and False"),
        ("what a policy denies is tried again", "and NOT_ALLOWED in message", ""),
        ("the status of another subresource is written", 'f"{self._url}/status"', "self._url"),
        (
            "a token that was renewed is not read",
            "self._token.read_text().strip()",
            "self.__dict__.setdefault('_first', self._token.read_text().strip())",
        ),
    ),
    *conductor(
        (
            "a task that is not there is an error",
            "            if response.status == 404:",
            "            if False:",
        ),
        (
            "a 404 of something on the way says that a task is gone",
            "if own_words(body := await response.read()) is None:",
            "if False:",
        ),
        (
            "Conductor that is away for a moment fails the attempt",
            "            if transient(response.status):",
            "            if False:",
        ),
        ("a refusal is taken for a task", "            if response.status >= 400:", "            if False:"),
        (
            "an input that is kept elsewhere is empty",
            'input_is_elsewhere=bool(record.get("externalInputPayloadStoragePath"))',
            "input_is_elsewhere=False",
        ),
    ),
)
