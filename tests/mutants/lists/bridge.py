"""What keeps tasks of Conductor from being lost, made twice, or kept alive by nobody: polls, claims, calls."""

from tests.mutants.mutant import Mutant, of

ROOT = "operator/perago_operator"

poller = of(f"{ROOT}/bridge/poller.py", "perago_operator/bridge/test_poller.py")
creation = of(f"{ROOT}/bridge/creation.py", "perago_operator/bridge/test_creation.py")
adoption = of(f"{ROOT}/bridge/adoption.py", "perago_operator/bridge/test_adoption.py")
serving = of(f"{ROOT}/bridge/serving.py", "perago_operator/bridge/test_serving.py")
manifest = of(f"{ROOT}/bridge/manifest.py", "perago_operator/bridge/test_manifest.py")
pollers = of(f"{ROOT}/bridge/pollers.py", "perago_operator/process/test_work.py")
killed = of(f"{ROOT}/bridge/creation.py", "perago_operator/process/test_work.py")
inflow = of(f"{ROOT}/process/inflow.py", "perago_operator/process/test_work.py")
usability = of(f"{ROOT}/bridge/usability.py", "perago_operator/bridge/test_usability.py")
taskstatus = of(f"{ROOT}/bridge/taskstatus.py", "perago_operator/bridge/test_taskstatus.py")
apply = of(f"{ROOT}/reconcile/apply.py", "perago_operator/reconcile/test_apply.py")
loop = of(f"{ROOT}/reconcile/loop.py", "perago_operator/reconcile/test_loop.py")
memories = of(f"{ROOT}/reconcile/memories.py", "perago_operator/reconcile/test_memories.py")
installations = of(f"{ROOT}/core/names.py", "perago_operator/bridge/test_adoption.py")
claims = of(f"{ROOT}/core/claims.py", "perago_operator/core/test_claims.py")
stumbles = of(f"{ROOT}/reconcile/stumbles.py", "perago_operator/reconcile/test_loop.py")
gather = of(f"{ROOT}/reconcile/gather.py", "perago_operator/reconcile/test_gather.py")

MUTANTS: tuple[Mutant, ...] = (
    *installations(
        ("installations without a Lease are one", 'bool(installation.rpartition("/")[2]) and ', ""),
    ),
    *claims(
        (
            "a second attempt speaks for a task",
            "if attempt.metadata.name != attempt_name(conductor.task_id):",
            "if False:",
        ),
        (
            "a task of other workers is completed",
            'if not same_installation(conductor.worker_id or "", worker_id):',
            "if False:",
        ),
        ("a task of another namespace is completed", "if task.metadata.namespace == namespace)", "if True)"),
        ("an attempt that is under way loses its task", " or attempt.status.phase is not None", ""),
        ("an attempt with a false claim supersedes others", 'reporting.state == "NotRequired"', "False"),
    ),
    *stumbles(
        (
            "an attempt that no rule can be asked about is looked at for ever",
            "return before == version",
            "return False",
        ),
        ("one fault ends an attempt", "return before == version", "return True"),
    ),
    *poller(
        ("a try after a failed poll counts as one", "if room > 0 and self._failure is not None:", "if False:"),
        ("a namespace that refuses is polled for", "if not self._settings.serves(self.key.namespace):", "if False:"),
        (
            "what a poll brought while stopping is lost",
            "for polled in taken:",
            "for polled in taken if not self._stopping.is_set() else ():",
        ),
        ("attempts that no watch has shown take no room", "(self.key) + coming", "(self.key)"),
        (
            "a task that cannot run is taken at full speed",
            "return min(room, 1) if unusable.allows_trial(undecided) else 0",
            "return room",
        ),
        ("a trial goes beyond what may run at once", "return min(room, 1)", "return 1"),
        ("a corrected PeragoTask waits", "            self._usability.forget(self.key)\n", "            pass\n"),
        ("a paused task is polled for", "spec.task_type is None or spec.paused", "spec.task_type is None"),
        (
            "nobody looks for what a poll without an answer has taken",
            "            self._settings.failed()\n",
            "            pass\n",
        ),
        (
            "what the last poll of a deleted PeragoTask brings becomes an attempt that waits for it",
            "changed = self._gone or ",
            "changed = ",
        ),
        ("what a poll brings after a pause is begun", "self._gone or self.task.spec.paused or", "self._gone or"),
        ("what a poll brings for another queue is begun", " or queue_of(self.task) != queue", ""),
        (
            "a poll beside an older PeragoTask's counts",
            "return not changed and self._elder is None",
            "return not changed",
        ),
        ("a batch poll waits for the whole batch", "else 1,", "else BATCH,"),
    ),
    *creation(
        (
            "a creation is tried once",
            "while (error := await self._try_beside_heartbeats(claim, period)) is not None:",
            "if error := await self._try_beside_heartbeats(claim, period):",
        ),
        ("a call that hangs holds back heartbeats", "async with Pulse(beat, period):", "async with Pulse(beat, None):"),
        ("no heartbeat while the API server is away", "await self._conductor.extend_lease(claim.task)", "pass"),
        (
            "a heartbeat keeps a task that is forbidden",
            "isinstance(error, Unreachable | QuotaExceeded | Conflict)",
            "True",
        ),
        (
            "a canceled task becomes an attempt",
            "return state.status == IN_PROGRESS",
            "return True",
        ),
        (
            "one answer makes a task nobody's",
            "return self._clock() - since < self._config.second_look",
            "return False",
        ),
        (
            "what cannot be created in time is not given back",
            "        self.cease()\n        await self.given_back(GIVE_BACK_SECONDS)\n",
            "",
        ),
        ("an invalid attempt is created forever", "isinstance(error, Refused) and error.invalid", "False"),
        ("a created attempt takes no room until it is seen", "self._created[claim.attempt] = (", "_ = ("),
    ),
    *creation(
        (
            "a task that is handed out twice is created forever",
            "except AlreadyExists as error:",
            "except ZeroDivisionError as error:",
        ),
        ("a refusal is reported once", "for _ in range(REPORT_TRIES):", "for _ in range(1):"),
        (
            "an attempt that no watch shows takes room forever",
            "if at > oldest}",
            "}",
        ),
    ),
    *creation(
        ("what the last polls bring is created after leadership is lost", "        self._ceased = True\n", ""),
        ("an attempt that has ended serves a task", "attempt is not None and makes_way(attempt, claim.task)", "False"),
        ("a result that is not reported is thrown away", "if not is_reported(ended):", "if False:"),
        (
            "an attempt makes way for a task that has ended",
            'if not self._may_be_ours(claim, state):\n            logger.warning("task {} is no longer ours: attempt {} stays',
            'if False:\n            logger.warning("task {} is no longer ours: attempt {} stays',
        ),
        (
            "a Conductor that does not answer counts as an API server that is away",
            'return Conflict(f"{earlier} stays until Conductor says whether that run is over: {error}")',
            "return error",
        ),
        ("a task whose input no attempt can have becomes one", "        if claim.problem:\n", "        if False:\n"),
        ("a creation that failed stops polling for good", "self._failing.pop(claim.attempt, None)", "pass"),
        (
            "a namespace that is full stops the polls of all",
            "return failing.namespace == peragotask.namespace",
            "return True",
        ),
        (
            "a webhook that is away stops the polls of one PeragoTask alone",
            "Unreachable | QuotaExceeded):\n        return",
            "QuotaExceeded):\n        return",
        ),
        ("a PeragoTask that is refused stops the polls of others", "return failing == peragotask and", "return"),
        (
            "a task that goes back already goes back again",
            "        if self._ceased:\n            return\n",
            "",
        ),
    ),
    *adoption(
        ("what another installation polled is adopted", " or not same_installation(finding.polled_by, worker_id)", ""),
        ("what has an attempt gets another", "if finding.has_attempt or finding", "if finding"),
        (
            "a rerun is not adopted",
            "for attempt in self._attempts if serves(attempt)}",
            "for attempt in self._attempts}",
        ),
        ("a rerun waits for its former run", " and not is_of_former_run(attempt, task)", ""),
        ("a run that came back to life is run again", "if finding.former_is_held or (", "if ("),
        ("an ended workflow gets an attempt", "or finding.workflow_ended or not", "or not"),
        (
            "what a poll under way brings is adopted beside it",
            "(finding.polled_by == worker_id and not finding.seen_before):",
            "False:",
        ),
        (
            "a lost answer is never made up for",
            "seen_before=self._clock() - self._undecided.get(task_id, inf) >= SECOND_LOOK_SECONDS,",
            "",
        ),
        ("what nobody serves gets an attempt", "Fate.ADOPT if finding.served else Fate.GIVE_BACK", "Fate.ADOPT"),
        ("what nobody serves is forgotten", "await self._conductor.give_back(polled.task)", "pass"),
        (
            "the Lease does not count",
            'return f"{replica}@{installation}/{lease_uid}"',
            'return f"{replica}@{installation}/1"',
        ),
    ),
    *adoption(
        ("what is adopted is about to time out", "await self._conductor.extend_lease(polled.task)", "pass"),
        ("a task is kept alive by looks alone", "        self._adopted.add(polled.task.task_id)\n", ""),
        (
            "claims under way are adopted",
            " or self._creation.is_creating(name)",
            "",
        ),
        (
            "types of deleted PeragoTasks are forgotten",
            " | {conductor.task_type for conductor in references if conductor}",
            "",
        ),
        (
            "a domain's task goes to any PeragoTask",
            "Queue(polled.task.task_type, polled.task.domain)",
            "Queue(polled.task.task_type)",
        ),
        ("a type that is refused ends the look", "except Refused as error:", "except ZeroDivisionError as error:"),
        ("a Conductor that is away ends the looks", "except PortError as error:", "except ZeroDivisionError as error:"),
        (
            "a leader looks once",
            "await within(pause(self._undecided.values(), self._clock(), poll_failed=poll_failed), self._poll_failed)",
            "await asyncio.Event().wait()",
        ),
        ("a lost answer is found when its task has timed out", "        self._poll_failed.set()\n", "        pass\n"),
        (
            "what the index shows late after a poll has failed is not found",
            "usual = SECOND_LOOK_SECONDS if poll_failed else LOOK_SECONDS",
            "usual = LOOK_SECONDS",
        ),
        (
            "a poll that fails between two looks is looked for after the second",
            "if await within(pause(self._undecided.values(), self._clock(), poll_failed=poll_failed), self._poll_failed):",
            "if await asyncio.sleep(pause(self._undecided.values(), self._clock(), poll_failed=poll_failed)):",
        ),
        (
            "a look that comes early adopts what its poll's answer brings",
            "self._undecided.get(task_id, inf) >= SECOND_LOOK_SECONDS",
            "self._undecided.get(task_id, inf) > 0",
        ),
        (
            "what an early look finds again is decided later each time",
            "self._undecided.get(task_id, self._clock())",
            "self._clock()",
        ),
    ),
    *serving(
        ("the youngest serves", "served.setdefault(queue, task)", "served[queue] = task"),
        ("who comes first by name serves", 'return created.isoformat() if created else "", ', 'return "", '),
        ("domains share a queue", "Queue(task.spec.task_type, task.spec.domain)", "Queue(task.spec.task_type)"),
    ),
    *killed(
        (
            "creations outlive a kill",
            "for running in self._under_way:\n            running.cancel()\n",
            "for running in self._under_way:\n            pass\n",
        ),
    ),
    *pollers(
        ("polls begin before attempts are listed", "        elif self._started:\n", "        else:\n"),
        ("a deleted PeragoTask is polled for", "            worker.poller.stop(gone=gone)\n", ""),
        (
            "two PeragoTasks take the tasks of one queue",
            "poller.yield_to(None if elder == poller.key else elder)",
            "pass",
        ),
        ("who is alone serves nobody", "None if elder == poller.key else elder", "elder"),
        (
            "a PeragoTask goes on waiting for one that is gone",
            "        self._usability.forget(key)\n        self._share_queues()\n",
            "        self._usability.forget(key)\n",
        ),
        (
            "a PeragoTask that gets a domain of its own goes on waiting",
            "if before is None or _place(before) != _place(task):",
            "if before is None:",
        ),
        ("polls under way outlive a kill", "            polling.cancel()\n", "            pass\n"),
        ("what the last poll brought is lost", "        await self._creation.settle(deadline - clock())\n", ""),
        ("a status goes on being written at the end", "            worker.status.cancel()\n", ""),
    ),
    *usability(
        ("wrong keys of one PeragoTask stop all of them", "self._keys(other) == self._keys(task)", "True"),
        ("wrong keys fail the tasks of each PeragoTask", "self._keys(other) == self._keys(task)", "other is task"),
        ("an attempt that was made by hand counts", " and attempt.spec.conductor is not None", ""),
        ("several tasks are taken for trial", "self.seconds <= 0 and undecided == 0", "self.seconds <= 0"),
        ("trials begin at once", "self.seconds <= 0 and undecided", "undecided"),
        ("an older attempt that failed counts", "created > self.worked or fails", "True or fails"),
        ("a failure counts again with each change", "before.seen if before and", "now if before and"),
        ("a pause never grows", "max(last - first, SHORTEST_PAUSE)", "SHORTEST_PAUSE"),
    ),
    *inflow(
        ("an attempt that ends makes no room", "    stores.attempts.when_finished = pollers.wake\n", ""),
    ),
    *taskstatus(
        ("each poll is written", "late >= POLL_TIME_SECONDS", "late > 0"),
        (
            "what the status says is written again",
            'return {"status": patch} if patch else None',
            'return {"status": patch}',
        ),
        ("a queue that is not known is empty", "if numbers.queued is not None and old", "if old"),
    ),
    *manifest(
        ("an attempt is not held from its start", '"finalizers": [names.ATTEMPT_FINALIZER],', '"finalizers": [],'),
        ("a large input is put into the object", "polled.input_bytes > INPUT_LIMIT", "False"),
    ),
    *apply(
        ("a heartbeat rewrites an ended task", "if verdict.standing is Standing.OPEN:", "if True:"),
        (
            "a report is not read back",
            "reading = await self._reading(task, outcome)\n        verdict",
            "reading = None\n        verdict",
        ),
        (
            "a result is reported to a later run of its task",
            "if before.standing in (Standing.SUPERSEDED, Standing.ACCEPTED):",
            "if before.standing is Standing.ACCEPTED:",
        ),
        (
            "a result that archived its workflow counts as superseded",
            "if not taken or reading is not None:",
            "if True:",
        ),
        ("an outcome overwrites the agent's", "if action.guarded else None", "if False else None"),
        ("the fate of a call is lost", "isinstance(error, Unreachable) and error.fate_unknown", "False"),
        ("a refused pod is tried forever", "isinstance(error, Refused) and _is_permanent(error)", "False"),
        ("a policy that forbids a pod makes its task invalid", "(error.invalid and not forbidden)", "error.invalid"),
    ),
    *apply(
        (
            "a report to a task that is gone is repeated forever",
            "except NotFound as error:\n            taken = False",
            "except ZeroDivisionError as error:\n            taken = False",
        ),
        (
            "a pod that exists already is an error",
            "except AlreadyExists as error:\n            pod",
            "except ZeroDivisionError as error:\n            pod",
        ),
        (
            "a pod of somebody else counts as ours",
            "if pod is None or not Pod.model_validate(pod).belongs_to(uid):",
            "if False:",
        ),
        ("a conflict is a failure like any other", "conflict=isinstance(error, Conflict),", "conflict=False,"),
        (
            "a workflow that has ended is not asked about",
            "if reading is None or not workflow_matters(reading, outcome):",
            "if True:",
        ),
    ),
    *loop(
        (
            "a fault in one action holds up those behind it",
            "except Exception as error:",
            "except ZeroDivisionError as error:",
        ),
        (
            "an orphan that could not be released is forgotten",
            "return self._config.retry_cap if failures else None",
            "return None",
        ),
        (
            "an event holds up the calls after it",
            "            return self._in_background(action, s.attempt)\n",
            "            return await self._post(action, s.attempt)\n",
        ),
        (
            "a fault in posting an event is silent",
            '            logger.opt(exception=error).error("{}: internal error", task.get_name())\n',
            "            pass\n",
        ),
    ),
    *memories(
        ("another attempt of a name inherits the memory", " or memory.uid != attempt.metadata.uid", ""),
        ("a status patch is known only when the watch shows it", "            self._stores.attempts.put(answer)\n", ""),
        ("an attempt under way counts as new", "under_way=attempt.status != AttemptStatus() or", "under_way="),
        ("an attempt with a pod counts as new", " or self._stores.pods.has(attempt),", ","),
        (
            "the reports of an earlier process are not counted",
            "reports=(reporting.attempts if reporting else None) or 0",
            "reports=0",
        ),
        (
            "a look forgets what its first call has taught",
            "memory=self._memories[s.attempt.metadata.key], now=",
            "now=",
        ),
    ),
    *gather(
        ("siblings are not seen", "return replace(s, siblings=siblings, ahead", "return replace(s, ahead"),
        ("a stranger's pod is ours", "if pod.belongs_to(attempt.metadata.uid))", ")"),
        ("a stranger's pod counts as created", " if name not in taken}", "}"),
        ("pods of a living attempt are orphans", "if pod.metadata.deletion_timestamp)", ")"),
    ),
)
