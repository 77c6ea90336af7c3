"""The node cache: content for those who may not read it, bytes that are not the object, a bound that does not hold."""

from tests.mutants.mutant import Mutant, of

AGENT = "runner/perago/agent/nodecache"
TESTS = "perago/agent/nodecache"
PODS = "operator/perago_operator/core/pod"

room = of(f"{AGENT}/room.py", f"{TESTS}/test_room.py", f"{TESTS}/test_cache.py")
usage = of(f"{AGENT}/usage.py", f"{TESTS}/test_usage.py")
shared = of(f"{AGENT}/usage.py", f"{TESTS}/test_usage.py", f"{TESTS}/test_together.py")
folder = of(f"{AGENT}/folder.py", f"{TESTS}/test_folder.py")
cache = of(f"{AGENT}/cache.py", f"{TESTS}/test_cache.py")
together = of(f"{AGENT}/cache.py", f"{TESTS}/test_cache.py", f"{TESTS}/test_together.py")
receiving = of(f"{AGENT}/receiving.py", f"{TESTS}/test_receiving.py")
objects = of("runner/perago/agent/clients/objects.py", "perago/agent/clients/test_lakefs.py")
transfer = of("runner/perago/agent/data/transfer.py", f"{TESTS}/test_downloads.py")
manifest = of(f"{PODS}/manifest.py", "perago_operator/core/pod/test_manifest.py")
volumes = of(f"{PODS}/volumes.py", "perago_operator/core/pod/test_manifest.py")
template = of(f"{PODS}/template.py", "perago_operator/core/pod/test_template.py")
declaration = of("operator/perago_operator/core/pod/declaration.py", "perago_operator/core/test_rules.py")

MUTANTS: tuple[Mutant, ...] = (
    *receiving(
        ("keys get what they may only list", "keys.access_key, ", ""),
        ("a checksum that somebody made up gets what others have", "stats.place, ", ""),
        ("repositories share their objects", "repository, stats.place", "stats.place"),
        ("two servers share their objects", "(keys.endpoint, ", "("),
        ("a damaged entry is delivered", "        verify(stats, size, digest.hexdigest())\n", ""),
        ("a damaged entry stays", "            self._cache.discard(name)\n", ""),
        ("what is fetched follows what was damaged", "    os.lseek(descriptor, 0, os.SEEK_SET)\n", ""),
        ("the end of a damaged entry stays", "    os.ftruncate(descriptor, 0)\n", ""),
        ("what arrived as something else is kept", 'if digest == f"{MD5}{stats.checksum}":', "if True:"),
        ("what cannot be verified is kept", "may_be_md5(stats.checksum)", "True"),
        ("what has no place in the storage is kept", "(stats.place and ", "("),
        ("what was used is not younger for it", "            self._cache.used(source, stats.size)\n", ""),
        (
            "descriptors of entries leak",
            "        finally:\n            os.close(source)\n",
            "        finally:\n            pass\n",
        ),
        (
            "a full disk of the cache fails the attempt",
            "        except DISK_FAILURES as error:\n            self._cache.give_up(error)\n",
            "        except DISK_FAILURES as error:\n            raise\n",
        ),
        ("a failure of lakeFS leaves a file behind", "            self._cache.drop(incoming)\n", "            pass\n"),
        (
            "an entry that cannot be read fails the attempt",
            '        raise CorruptObject(f"it cannot be read: {error}") from error',
            "        raise",
        ),
        (
            "SIGTERM waits for the copy of a large object",
            "            if self._calls.stopped:",
            "            if False:",
        ),
        ("what shares its blocks is written once more", "            if not cloned:", "            if True:"),
        (
            "a file system that cannot share blocks fails the attempt",
            "        return False\n    return True\n",
            "        raise\n    return True\n",
        ),
        (
            "what could not be copied to its end is doubled",
            "            _empty(descriptor)\n            return self._lakefs",
            "            return self._lakefs",
        ),
        ("what comes from the cache is not told", "            self._calls.from_cache(stats.size)\n", ""),
    ),
    *room(
        ("empty objects count nothing", "max(LEAST_CHARGE, -(-size // BLOCK) * BLOCK)", "-(-size // BLOCK) * BLOCK"),
        ("one object drives out all others", "return charge(size) <= self.limit * LARGEST_SHARE", "return True"),
        ("the cache fills the disk", "min(self.limit, used + disk.free - kept_free)", "self.limit"),
        ("each object evicts", "min(low_water, room - needed)", "room - needed"),
        ("an eviction makes too little room", "min(low_water, room - needed)", "low_water"),
        ("the youngest goes first", "item = (-entry.used_ns, entry)", "item = (entry.used_ns, entry)"),
    ),
    *usage(
        (
            "what is not known counts as nothing",
            "if used is None or used + charge > room(used):",
            "used = used or 0\n            if used + charge > room(used):",
        ),
        ("the bound is not one", "used + charge > room(used)", "False"),
        ("what is reserved during a count is lost", "used - before + counted", "counted"),
        ("a spoilt number is never known again", "                os.ftruncate(self._descriptor, 0)\n", ""),
        ("agents wait for one that was stopped", "LOCK_EX | fcntl.LOCK_NB", "LOCK_EX"),
        ("every object waits for an agent that was stopped", "TRIES if self._patient else 1", "TRIES"),
    ),
    *shared(
        (
            "agents do not lock the number",
            "            self._patient = locked(self._descriptor)\n",
            "            self._patient = True\n",
        ),
    ),
    *folder(
        ("what agents that died were filling stays", "        self._remove_left()\n", ""),
        (
            "what an agent is filling is removed",
            "        if locked(descriptor):\n            path.unlink()",
            "        if True:\n            path.unlink()",
        ),
        (
            "what was not kept stays",
            "                Path(self._path).unlink(missing_ok=True)\n",
            "                pass\n",
        ),
        (
            "a file that was removed is filled",
            "locked(descriptor) and os.fstat(descriptor).st_nlink",
            "locked(descriptor)",
        ),
        ("others can read the cache", "folder.mkdir(mode=0o700)", "folder.mkdir()"),
        ("an entry is reached through a link", "os.O_RDONLY | os.O_NOFOLLOW", "os.O_RDONLY"),
        ("a new cache has to be counted", '    write_nothing_used(new / "usage")\n', ""),
        ("a folder that could not be made stays", "        shutil.rmtree(new)\n", ""),
        (
            "a folder that cannot be made is not told",
            "            raise\n\n\ndef used_now",
            "            pass\n\n\ndef used_now",
        ),
        ("use makes no entry younger", "        os.utime(descriptor)\n", "        pass\n"),
        ("each use writes to the disk", "> YOUNG_SECONDS:", "> 0:"),
    ),
    *cache(
        ("an entry goes although it was used", "self._folder.last_used(entry.name) == entry.used_ns and ", ""),
        ("an eviction does not end", "            if freed >= excess:\n                break\n", ""),
        ("a file of its own counts twice", "sum(self._folder.charges()) - size", "sum(self._folder.charges())"),
        (
            "an eviction in vain is repeated for each object",
            "self._futile = excess > 0 and freed == 0",
            "self._futile = False",
        ),
        (
            "a full disk is searched for each object",
            "(used is not None and used <= self._bounds.goal(size, self._room(used)))",
            "False",
        ),
        (
            "a transfer that is given up goes on evicting",
            "            if stopped():\n                return False\n",
            "",
        ),
        ("a failing cache is asked again", "            self._works = False\n", ""),
        (
            "a failing cache fails the attempt",
            "        except OSError as error:\n            self.give_up(error)",
            "        except ZeroDivisionError as error:\n            self.give_up(error)",
        ),
        (
            "a folder that cannot be used fails the attempt",
            "    except OSError as error:\n        message",
            "    except ZeroDivisionError as error:\n        message",
        ),
        (
            "an object without room is left half done",
            "        self.drop(incoming)\n        return None\n",
            "        return None\n",
        ),
        ("objects that are too large drive out others", " or not self._bounds.worth_keeping(size)", ""),
    ),
    *together(
        ("objects are kept without being counted", "if self._reserved(charge(size), stopped):", "if True:"),
        ("two agents evict at once", "                yield locked(descriptor)\n", "                yield True\n"),
    ),
    *objects(
        ("a listing does not say where the storage has an object", '.partition("?")[0]', '.partition("?")[2]'),
    ),
    *transfer(
        (
            "the node cache is not asked",
            "self._nearer(Receiver(bodies, ref, crew.calls, parts), bodies, crew.calls)",
            "Receiver(bodies, ref, crew.calls, parts)",
        ),
    ),
    *manifest(
        (
            "the node cache has no bound",
            "NodeCacheOrder(limit=cache.limit, keep_free=cache.keep_free) if cache else None",
            "None",
        ),
    ),
    *volumes(
        ("namespaces share a part of the node cache", ', "subPath": namespace}', "}"),
        ("a node without the folder starts no pods", '"DirectoryOrCreate"', '"Directory"'),
    ),
    *template(
        ("a template replaces the node cache", ', "node-cache"})', "})"),
        (
            "a template mounts the claim of the node cache",
            '.get("claimName") == cache.name',
            '.get("claimName") is None',
        ),
        (
            "a template mounts what the node cache is in",
            'shorter == "/" or longer.startswith(shorter)',
            "shorter == longer",
        ),
        ("a template may mount no folder of the node", 'shorter == "/" or longer.startswith(shorter)', "True"),
    ),
    *declaration(
        ("a template reaches the node cache", "        or cache_problem(template, config.pod.node_cache)\n", ""),
    ),
)
