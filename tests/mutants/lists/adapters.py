"""What the operator's adapters make of answers and of silence: which error it is, whether the call may have landed."""

from tests.mutants.mutant import Mutant, of

ADAPTERS = "operator/perago_operator/adapters"
TESTS = "perago_operator/adapters"

http = of(f"{ADAPTERS}/http.py", f"{TESTS}/test_errors.py")
http_conductor = of(f"{ADAPTERS}/http.py", f"{TESTS}/test_http_conductor.py")
conductor = of(f"{ADAPTERS}/conductor.py", f"{TESTS}/test_http_conductor.py")
conductor_json = of(f"{ADAPTERS}/conductor_json.py", f"{TESTS}/test_http_conductor.py")
lakefs = of(f"{ADAPTERS}/lakefs.py", f"{TESTS}/test_errors.py")
lakefs_calls = of(f"{ADAPTERS}/lakefs.py", f"{TESTS}/test_lakefs.py")
kube_api = of(f"{ADAPTERS}/kube_api.py", f"{TESTS}/test_kube_api.py")
kube = of(f"{ADAPTERS}/kube.py", f"{TESTS}/test_kube.py")
gated_http, gated_kube, gated_conductor, gated_lakefs = (
    of(f"{ADAPTERS}/{name}.py", f"{TESTS}/test_gates.py") for name in ("http", "kube_api", "conductor", "lakefs")
)
kube_feed = of(f"{ADAPTERS}/kube_feed.py", f"{TESTS}/test_kube_api.py")

MUTANTS: tuple[Mutant, ...] = (
    *gated_http(
        ("a write waits for its connection behind the gate", "        self._gate()\n", ""),
        ("a write that was held back may have landed", "if isinstance(error.__cause__, PortError):", "if False:"),
    ),
    *gated_kube(("a standby writes to the API server", ".encode(), self._gate)", ".encode(), open_gate)")),
    *gated_conductor(
        ("a standby polls", "        call.gate()\n", ""),
        ("a standby extends leases", '| {"extendLease": True}, self._gate)', '| {"extendLease": True}, open_gate)'),
        ("a standby reports", "task_result(task, outcome), self._gate)", "task_result(task, outcome), open_gate)"),
        ("tasks go back at any time", "body, self._give_back_gate)", "body, open_gate)"),
    ),
    *gated_lakefs(("a standby deletes branches", "        self._gate()\n", "")),
    *http(
        (
            "a server error never landed",
            "return Unreachable(text, fate_unknown=True)\n        case _:",
            "return Unreachable(text)\n        case _:",
        ),
        (
            "a lost answer never landed",
            'try again later", fate_unknown=True)\n\n\ndef untrusted',
            'try again later")\n\n\ndef untrusted',
        ),
        ("who says later has refused for good", " or status in LATER or", " or"),
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
        ("a 404 of something on the way says that a task is gone", "if status == GONE:", "if False:"),
        ("rotated keys are never read", "or now - self._keys_at > KEYS_REREAD_SECONDS", ""),
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
    *lakefs(
        (
            "a refused connection to lakeFS may have landed",
            'if isinstance(error, NEVER_SENT) or isinstance(getattr(error, "reason", None), NEVER_SENT):',
            "if isinstance(error, NEVER_SENT):",
        ),
        ("a lost answer of lakeFS never landed", 'try again later", fate_unknown=True)', 'try again later")'),
        (
            "a status of lakeFS that the SDK has no class for is a lost answer",
            "    if isinstance(error, sdk.ApiException):\n",
            "    if isinstance(error, sdk.NotFoundException):\n",
        ),
    ),
    *kube_api(
        ("a renewed token is never read", "            if status == 401:\n", "            if False:\n"),
        (
            "a refusal of the API server counts as an answer",
            "            if status >= 400:\n",
            "            if False:\n",
        ),
        ("a watch that is refused has merely ended", "if response.status >= 400:", "if False:"),
        (
            "a kind that is not served yet ends the operator",
            "except NotFound:\n            return frozenset()",
            "except ZeroDivisionError:\n            return frozenset()",
        ),
        (
            "a proxy's page instead of JSON ends the operator",
            "            answer: Manifest = parsed(data)\n        except ValueError as error:",
            "            answer: Manifest = parsed(data)\n        except ZeroDivisionError as error:",
        ),
    ),
    *lakefs_calls(
        ("calls wait for a lakeFS that hangs", "asyncio.timeout(self._queue_seconds)", "asyncio.timeout(None)"),
        (
            "a thread whose caller is gone counts as free",
            "running.add_done_callback(lambda _: self._release(loop))\n        return await asyncio.wrap_future(running)",
            "answer = asyncio.wrap_future(running)\n        answer.add_done_callback(lambda _: self._free.release())\n        return await answer",
        ),
    ),
    *kube(
        (
            "another pod of the name is deleted",
            'options: Manifest = {"propagationPolicy": "Background", "preconditions": {"uid": uid}}\n        try:',
            'options: Manifest = {"propagationPolicy": "Background"}\n        try:',
        ),
        (
            "that another pod has the name is an error",
            "except Conflict:  # another pod has the name now",
            "except ZeroDivisionError:",
        ),
        (
            "the finalizer is taken off another object of the name",
            '{"op": "test", "path": "/metadata/uid", "value": uid},\n        {"op": "test", "path": where',
            '{"op": "test", "path": where',
        ),
        (
            "a finalizer of another object of the name is looked up",
            'if metadata["uid"] != uid or finalizer not in finalizers:',
            "if finalizer not in finalizers:",
        ),
    ),
    *kube_feed(
        ("a watch that has expired is resumed", '    if kind == "ERROR":\n', "    if False:\n"),
        ("an unknown event is handed on", "    if kind not in KINDS:\n", "    if False:\n"),
        (
            "half a line of a watch ends the operator",
            "except (ValueError, KeyError, TypeError) as error:",
            "except ZeroDivisionError as error:",
        ),
    ),
)
