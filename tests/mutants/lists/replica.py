"""What keeps two replicas apart and one of them honest: leadership, life, loops, watches, stores, the work queue."""

from tests.mutants.mutant import Mutant, of

ROOT = "operator/perago_operator"

leader = of(f"{ROOT}/process/leader.py", "perago_operator/process/test_leader.py")
gate = of(f"{ROOT}/process/gate.py", "perago_operator/process/test_gate.py")
leasethread = of(f"{ROOT}/process/leasethread.py", "perago_operator/process/test_leasethread.py")
life = of(f"{ROOT}/process/life.py", "perago_operator/process/test_life.py")
probes = of(f"{ROOT}/process/probes.py", "perago_operator/process/test_probes.py")
served = of(f"{ROOT}/process/served.py", "perago_operator/process/test_served.py")
serving = of(f"{ROOT}/reconcile/loop.py", "perago_operator/process/test_work.py")
work = of(f"{ROOT}/process/work.py", "perago_operator/process/test_work.py", "perago_operator/process/test_life.py")
loops = of(f"{ROOT}/loops.py", "perago_operator/test_loops.py")
counts = of(
    f"{ROOT}/watch/counts.py",
    "perago_operator/watch/test_counts.py",
    "perago_operator/process/test_taskgauges.py",
)
outbox = of(f"{ROOT}/process/outbox.py", "perago_operator/process/test_probes.py")
watch = of(f"{ROOT}/watch/watch.py", "perago_operator/watch/test_watch.py")
audit = of(f"{ROOT}/watch/audit.py", "perago_operator/watch/test_audit.py")
index = of(f"{ROOT}/watch/index.py", "perago_operator/watch/test_stores.py")
rooms = of(f"{ROOT}/watch/rooms.py", "perago_operator/watch/test_rooms.py")
settled = of(f"{ROOT}/watch/settled.py", "perago_operator/watch/test_settled.py")
store = of(f"{ROOT}/watch/store.py", "perago_operator/watch/test_stores.py")
stores = of(f"{ROOT}/watch/stores.py", "perago_operator/watch/test_stores.py")
reading = of("operator/perago_operator/api/reading.py", "perago_operator/watch/test_stores.py")
queue = of(f"{ROOT}/reconcile/workqueue.py", "perago_operator/reconcile/test_workqueue.py")
loop = of(f"{ROOT}/reconcile/loop.py", "perago_operator/reconcile/test_loop.py")

LEADERSHIP: tuple[Mutant, ...] = (
    *leader(
        (
            "a renewal may hang forever",
            "asyncio.timeout(seconds)",
            "asyncio.timeout(None)",
        ),
        (
            "one request that hangs costs leadership",
            "async with asyncio.timeout(self._terms.longest_try):\n            lease =",
            "async with asyncio.timeout(None):\n            lease =",
        ),
        ("a leader sleeps past its deadline", "min(self._terms.retry, self._left())", "self._terms.retry"),
        ("a renewal counts from its answer", "self.renewed_at = began", "self.renewed_at = self._clock()"),
        ("a leader never gives up", "if self._is_taken() or not self._left():", "if self._is_taken():"),
        ("a leader gives up too late", "deadline: float = 10.0", "deadline: float = 15.0"),
        ("a lease that another took is not noticed", 'holder not in ("", self._identity)', 'holder in ("",)'),
        ("a lease is taken before its time", "< lease.duration_seconds", "< lease.duration_seconds / 2"),
        ("a lease read again counts as renewed", "earlier.lease == lease", "False"),
        ("a lease that is not held is released", "if not self.leading or", "if"),
        ("a lost lease still counts as held", "self.leading = False\n                raise", "raise"),
        ("a standby does not wait", "while not await self._renew", "while await self._renew"),
    ),
    *gate(
        ("a leader that is late writes", "if unrenewed >= limit:", "if False:"),
        ("a replica that has released the Lease writes", "if not leading:", "if False:"),
        ("tasks go back while they may be adopted", "Terms().deadline + GIVE", "Terms().duration + GIVE"),
        ("nothing goes back once the Lease is another's", "bar(True, clock()", "bar(candidacy.leading, clock()"),
    ),
    *leasethread(
        ("a replica that hangs leads for ever", "< HANG_SECONDS:", '< float("inf"):'),
        (
            "a busy event loop counts as one that hangs",
            """operator's event loop.\"""\n        self._alive_at = self._clock()""",
            """operator's event loop.\"""\n""",
        ),
        ("the release overtakes a renewal", "        async with self._turn:\n            await", "        await"),
        ("signals are lost", "    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)\n", ""),
    ),
    *outbox(
        ("late reports look on time", "self._since.get(uid, now)", "now"),
    ),
    *counts(
        ("accepted reports look late", ' and reporting.state == "Pending"', ""),
        ("what was counted stays", "(old, -1)", "(old, 0)"),
        ("attempts with an outcome wait", "attempt.status.outcome is not None or ", ""),
        ("labels have a value for each exception", "reason if reason in WORDS else OTHER_REASON", "reason"),
    ),
    *served(
        (
            "a namespace that refuses is waited for",
            "        self._unheard.discard",
            "        refused or self._unheard.discard",
        ),
        ("a namespace that does not answer is set aside", "if error is not None and not refused:", "if False:"),
        ("pods are not waited for", "for kind in KINDS", "for kind in KINDS[:2]"),
        ("a namespace that refuses is served", "return namespace not in self._refusals", "return True"),
        ("one kind that can be listed is enough", "if other != kind", "if False"),
    ),
    *serving(
        ("attempts of a namespace that refuses are looked at", "if not self._serves(key.namespace):", "if False:"),
    ),
    *probes(
        ("a dead watch of a leader is not noticed", "if work.working and silent > limit:", "if False:"),
        (
            "a standby is restarted because it watches nothing",
            "if work.working and silent > limit:",
            "if silent > limit:",
        ),
        ("a leader is ready before everything is listed", "if work.working else", "if True else"),
        (
            "what an audit complains of is not heard",
            '        checks[f"watch {audit.name}"] = audit.complaint\n',
            "        pass\n",
        ),
    ),
    *life(
        ("what is under way goes on when leadership is lost", "self._work.kill()", "pass"),
        ("the work does not end with leadership", "first_of(holding, self._prepare_and_work(),", "first_of("),
        ("the lease is not watched at the end", "first_of(holding, self._work.stop(", "first_of(self._work.stop("),
        ("the lease stays after the end", "await self._leadership.release()", "pass"),
        ("the work begins without its CRDs", "await self._until_served()", "pass"),
        ("a missing CRD is not missed", "{ATTEMPTS_PLURAL, TASKS_PLURAL}", "{TASKS_PLURAL}"),
        ("a standby ignores its end", "acquire(), self._stop.wait()", "acquire()"),
    ),
)

STORES: tuple[Mutant, ...] = (
    *work(
        (
            "decisions begin before the lists are complete",
            "await self._or_failure(self.served.settled.wait())",
            "self._reconciler.start(); await self._or_failure(self.served.settled.wait())",
        ),
        ("polling begins before attempts are watched", "await self._or_failure(all_of(watching.values()))", "pass"),
        (
            "a namespace without PeragoTasks is waited for",
            "                    watching.set()",
            "                    pass",
        ),
        (
            "attempts of a namespace that is served again are forgotten",
            "if attempt.metadata.namespace == namespace",
            "if False",
        ),
        ("a part that ends is not noticed", "if ended > 0:", "if False:"),
        ("polls outlive the end", "await self._pollers.stop(seconds)", "pass"),
        ("polls outlive a kill", "self._pollers.kill()", "pass"),
        (
            "looks outlive a kill",
            "self._pollers.kill()\n        self._reconciler.kill()",
            "self._pollers.kill()",
        ),
        (
            "watches and the sweep go on beside the next leader",
            "self._stop_parts()\n        await self._pollers.give_back",
            "await self._pollers.give_back",
        ),
        ("polled tasks are dropped with leadership", "await self._pollers.give_back(seconds)", "pass"),
        (
            "watches outlive a kill",
            "self._reconciler.kill()\n        self._stop_parts()\n\n",
            "self._reconciler.kill()\n\n",
        ),
    ),
    *watch(
        ("a refusal is silence", "if is_refusal(error):", "if False:"),
        ("what vanished between lists stays", "self._versions.keys() - listed", "()"),
        ("what vanished between two tries of a list stays", "self._versions[key] = version", "self._versions"),
        (
            "synced before the list is complete",
            "            self._heard()\n            for number",
            "            self.synced.set()\n            for number",
        ),
        ("an expired watch is resumed", "self._since = None\n            except", "pass\n            except"),
        ("a deleted object stays", "self._remove(key_of(event.obj))", "pass"),
        ("an unchanged object is put again", "self._versions.get(key) != version", "True"),
    ),
    *audit(
        ("what vanished stays", "self._sink.remove(key)", "pass"),
        ("a newer object is replaced by the list's", "if held.get(key) == before.get(key)]", "]"),
        ("an object that came during the list is removed", "if held.get(key) == before[key]]", "]"),
        ("a dead watch is never noticed", "self.behind + 1 if late", "1 if late"),
        ("only the first page is read", "token = page.next_page\n", "token = None\n"),
    ),
    *index(("an index keeps what has moved", "self._keys[before].discard(key)", "pass")),
    *rooms(
        ("an attempt waits for younger ones", "len(room.started) + _index(room, key, place)", "len(room.started)"),
        ("an attempt that runs takes no room", "else len(room.started) + _index", "else _index"),
        ("an attempt with an outcome takes room", " or attempt.status.outcome is not None:", ":"),
        ("a pod that is being created takes no room", "pod_name is not None or starting or", "pod_name is not None or"),
        (
            "the pod of an execution counts for the next",
            "starting = self._starting.get(attempt.metadata.key) == _execution(attempt)",
            "starting = attempt.metadata.key in self._starting",
        ),
        ("the pod of a former attempt of the name counts", "        if attempt is None:\n", "        if False:\n"),
        ("room that was made is not told", "if before and makes_room and", "if False and"),
    ),
    *settled(
        (
            "an output that is to be reported is dropped",
            "return complete and ATTEMPT_FINALIZER not in",
            "return complete or",
        ),
        ("an attempt under way loses its input", "return complete and", "return"),
    ),
    *reading(
        ("a spec that cannot be read passes for a whole one", 'problems_of(error, "spec") or None', "None"),
        (
            "an object that cannot be read is none",
            "model.model_validate(_readable(obj, error))",
            "model.model_validate(obj)",
        ),
    ),
    *store(
        ("an older version wins", '"")) > _version(old', '"")) != _version(old'),
        ("versions are texts", "int(text) if", "len(text) if"),
        ("a removed object comes back", 'metadata.get("uid") in self._removed or', ""),
    ),
    *stores(
        ("a spec that could not be read is whole at the next event", ', "problem": old.problem}', "}"),
        (
            "a changed spec is not read",
            "(uid, generation) == (old.metadata.uid,",
            "(uid, generation) >= (old.metadata.uid,",
        ),
        (
            "no one hears of room",
            "self._tell((*self._rooms.changed(key, attempt), ",
            "self._tell((*self._rooms.changed(key, attempt)[:0], ",
        ),
        ("siblings do not hear of each other", "self._listener(sibling.metadata.key)", "pass"),
    ),
    *queue(
        ("two looks at one attempt at a time", "or key in self._running:", ":"),
        ("what comes during a look is forgotten", "if key in self._again and self._started:", "if False:"),
        (
            "no limit to looks at work",
            "while self._due and len(self._running) < self._concurrency:",
            "while self._due:",
        ),
        ("a fault ends the looks at its attempt", "delay = self._fault_seconds", "delay = None"),
        ("looks begin before the start", "elif not self._started or", "elif"),
        ("a kill leaves looks at work", "task.cancel()", "pass"),
    ),
    *loop(
        (
            "a call that failed counts as done",
            "self._memories.failed(action, s,",
            "self._memories.succeeded(action, s, None) or (lambda *_: None)(",
        ),
        ("an attempt that is gone is remembered", "return await self._forget(key)", "return None"),
    ),
    *loops(
        ("a fault ends a loop", "        await asyncio.sleep(pause)\n", "        raise AssertionError\n"),
        ("a failure is hidden by what ended with it", "tasks[number].result()", "pass"),
        ("the caller's tasks are canceled", "if task is not part]", "]"),
        ("waits do not grow", "self._failures += 1", "pass"),
        (
            "waits have no cap",
            "min(self._cap, self._first * 2.0 ** min(self._failures, 30))",
            "self._first * 2.0 ** self._failures",
        ),
        ("what is late is not canceled", "await _canceled(late)", "pass"),
    ),
)

MUTANTS = (*LEADERSHIP, *STORES)
