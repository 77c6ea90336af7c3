"""What keeps tasks of Conductor from being lost, made twice, or kept alive by nobody: polls, claims, calls, answers."""

from tests.mutants.mutant import Mutant, of

ROOT = "operator/perago_operator"

poller = of(f"{ROOT}/bridge/poller.py", "perago_operator/bridge/test_poller.py")
creation = of(f"{ROOT}/bridge/creation.py", "perago_operator/bridge/test_creation.py")
manifest = of(f"{ROOT}/bridge/manifest.py", "perago_operator/bridge/test_manifest.py")
apply = of(f"{ROOT}/reconcile/apply.py", "perago_operator/reconcile/test_apply.py")
gather = of(f"{ROOT}/reconcile/gather.py", "perago_operator/reconcile/test_gather.py")
http = of(f"{ROOT}/adapters/http.py", "perago_operator/adapters/test_errors.py")
http_conductor = of(f"{ROOT}/adapters/http.py", "perago_operator/adapters/test_http_conductor.py")
conductor = of(f"{ROOT}/adapters/conductor.py", "perago_operator/adapters/test_http_conductor.py")
conductor_json = of(f"{ROOT}/adapters/conductor_json.py", "perago_operator/adapters/test_http_conductor.py")

MUTANTS: tuple[Mutant, ...] = (
    *poller(
        (
            "what a poll brought while stopping is lost",
            "for polled in taken:",
            "for polled in taken if not self._stopping.is_set() else ():",
        ),
        ("attempts that no watch has shown take no room", "shown | self._creation.unseen(self.key)", "shown"),
        ("a paused task is polled for", "spec.task_type is None or spec.paused", "spec.task_type is None"),
        ("a batch poll waits for the whole batch", "else 1,", "else BATCH,"),
    ),
    *creation(
        (
            "a creation is tried once",
            "while (error := await self._try(claim)) is not None:",
            "if error := await self._try(claim):",
        ),
        ("no heartbeat while the API server is away", "await self._conductor.extend_lease(claim.task)", "pass"),
        ("a heartbeat keeps a task that is forbidden", "isinstance(error, Unreachable | QuotaExceeded) and", ""),
        ("a canceled task becomes an attempt", "if state is None or state.status != IN_PROGRESS:", "if False:"),
        (
            "what cannot be created in time is not given back",
            "self._give_back(claims[creation].task) for",
            "asyncio.sleep(0) for",
        ),
        ("an invalid attempt is created forever", "isinstance(error, Refused) and error.invalid", "False"),
        ("a created attempt takes no room until it is seen", "self._created[claim.attempt] = (", "_ = ("),
    ),
    *manifest(
        ("an attempt is not held from its start", '"finalizers": [names.ATTEMPT_FINALIZER],', '"finalizers": [],'),
        ("a large input is put into the object", "polled.input_bytes > INPUT_LIMIT", "False"),
    ),
    *apply(
        ("a heartbeat rewrites an ended task", "if verdict.standing is Standing.OPEN:", "if True:"),
        (
            "a report is not read back",
            "return await self._read(task, outcome)\n\n    async def _read",
            "return judge(None, outcome, at=self._now())\n\n    async def _read",
        ),
        ("an outcome overwrites the agent's", "if action.guarded else None", "if False else None"),
        ("the fate of a call is lost", "isinstance(error, Unreachable) and error.fate_unknown", "False"),
        ("a refused pod is tried forever", "error.invalid or POD_SECURITY in error.message", "False"),
    ),
    *gather(
        ("a stranger's pod is ours", "if pod.belongs_to(attempt.metadata.uid))", ")"),
        ("a stranger's pod counts as created", "created=memory.created - taken", "created=memory.created"),
        ("pods of a living attempt are orphans", "if pod.metadata.deletion_timestamp)", ")"),
    ),
    *http(
        (
            "a server error never landed",
            "return Unreachable(text, fate_unknown=True)\n        case _:",
            "return Unreachable(text)\n        case _:",
        ),
        (
            "a lost answer never landed",
            'try again later", fate_unknown=True)\n\n\ndef _words',
            'try again later")\n\n\ndef _words',
        ),
        ("a refused connection may have landed", "if isinstance(error, NEVER_SENT):", "if False:"),
        ("a quota is a refusal", 'case 403 if "exceeded quota" in message:', "case 403 if False:"),
    ),
    *http_conductor(
        (
            "a lost poll is asked for again",
            'raise aiohttp.ClientPayloadError(f"the connection ended before the answer: {_words(error)}") from error',
            "raise",
        ),
    ),
    *conductor(
        ("rotated keys are never read", "now - self._headers_at > AUTHORIZATION_REREAD_SECONDS", "not self._headers"),
        ("a lease puts the task back into its queue", '| {"extendLease": True}', ""),
        ("a task given back waits for its time-out", '| {"callbackAfterSeconds": 0}', '| {"extendLease": True}'),
        (
            "a page of something else is an empty queue",
            "if answer is None or isinstance(answer, kind):",
            "if not isinstance(answer, kind):\n        return kind()\n    if answer is not None:",
        ),
        (
            "one bad task takes the others along",
            "except (KeyError, TypeError, AttributeError, ValueError) as error:",
            "except ZeroDivisionError as error:",
        ),
    ),
    *conductor_json(
        ("the round of a loop is lost", 'iteration=raw.get("iteration", 0)', "iteration=0"),
        ("the retry of a task is lost", 'retry_count=raw.get("retryCount", 0)', "retry_count=0"),
        ("a report has no output", "return result if output is None else", "return result if True else"),
    ),
)
