"""What crosses between the processes: the keys of commits, identities, frames, calls and stored outputs."""

from tests.mutants.mutant import Mutant, of

keys = of("runner/perago/wire/metadata_keys.py", "perago/test_metadata_keys.py")
identity = of("runner/perago/wire/base.py", "perago/test_wire.py")
order = of("runner/perago/wire/order.py", "perago/test_wire.py")
frames = of("runner/perago/wire/frames.py", "perago/test_wire.py")
calls_of_tasks = of("runner/perago/wire/frames.py", "perago/agent/test_server.py")
status = of("runner/perago/wire/status.py", "perago/test_wire.py", "perago/agent/test_outcome.py")
exact = of("runner/perago/wire/exact.py", "perago/test_exact.py")
depth = of("runner/perago/wire/depth.py", "perago/test_wire_depth.py")
calls = of("runner/perago/wire/calls.py", "perago/test_wire.py")
secrets = of("runner/perago/wire/secrets.py", "perago/test_wire_secrets.py", "perago/agent/test_mounts.py")
egress = of("runner/perago/wire/egress.py", "perago/test_wire_egress.py", "test_egress.py")

policy = of("runner/perago/wire/policy.py", "perago/test_wire_policy.py")

MUTANTS: tuple[Mutant, ...] = (
    *policy(
        ("Conductor retries what was canceled", "if failure.reason in STOPPED_BY_PEOPLE", "if False"),
    ),
    *keys(
        ("commits of earlier versions are no evidence any more: uid", '"perago.attempt-uid"', '"perago.attempt_uid"'),
        (
            "commits of earlier versions are no evidence any more: output",
            'OUTPUT: Final = "perago.output"',
            'OUTPUT: Final = "perago.result"',
        ),
        (
            "an earlier attempt's commit is not recognised after an upgrade",
            '"perago.logical-task"',
            '"perago.logicalTask"',
        ),
        (
            "the retry of an earlier attempt's commit is unknown after an upgrade",
            '"perago.retry"',
            '"perago.retryCount"',
        ),
    ),
    *secrets(
        ("lakeFS's keys are shown in logs", "secret_key: str = field(repr=False)", "secret_key: str"),
        (
            "Conductor's token is shown in logs",
            "token: str | None = field(default=None, repr=False)",
            "token: str | None = None",
        ),
        ("an empty key is used", "return value or None", "return value"),
        ("a person's commits are replaced unasked", '.lower() == "true"', '.lower() != "false"'),
        ("an endpoint keeps the path of the API", '.removesuffix("/api/v1")', ""),
        ("a URL has no path of the API", "if not urlsplit(url).path:", "if False:"),
        ("a token can add a header", "not value.isprintable()", "False"),
        ("a password in an address is shown", 'if "@" in parts.netloc:', "if False:"),
        ("the Secret's header counts for nothing", 'self.text("tokenHeader") or otherwise', "otherwise"),
        ("a token is sent without a word before it", 'f"Bearer {token}" if', "token if"),
        (
            "the installation's authorities are left out",
            'filter(None, (self.text("ca.crt"), common))',
            'filter(None, (self.text("ca.crt"),))',
        ),
    ),
    *egress(
        ("credentials follow a redirection", '"allow_redirects": False', '"allow_redirects": True'),
        (
            "the proxy sees what goes to a server with TLS",
            'self.https if parts.scheme == "https" else self.http',
            "self.http",
        ),
        ("exceptions are proxied", "any(_excepts(entry, host, port) for entry in self.exceptions)", "False"),
        ("names that end alike are exceptions", 'host.endswith(f".{name}")', "host.endswith(name)"),
        ("a redirection is told with its query", '_replace(query="", fragment="")', "_replace()"),
        ("the proxy does not learn who asks", "headers | self.proxy.headers()", "headers"),
    ),
    *identity(
        (
            "retries are different logical tasks",
            "{self.workflow_instance_id}/{self.reference_task_name}/{self.iteration}",
            "{self.workflow_instance_id}/{self.reference_task_name}/{self.seq}",
        ),
        (
            "two rounds of a loop replace each other's publication",
            "{self.workflow_instance_id}/{self.reference_task_name}/{self.iteration}",
            "{self.workflow_instance_id}/{self.reference_task_name}",
        ),
        ("an unknown field is dropped in silence", 'extra="forbid"', 'extra="ignore"'),
        ("absent fields cross as null and delete what stands in the status", "exclude_none=True", "exclude_none=False"),
    ),
    *order(
        ("two executions have one id", 'return f"{self.uid}-{self.execution}"', "return self.uid"),
        (
            "attempts of one name in two namespaces are retries of each other",
            'workflow_instance_id=f"kubernetes-{self.namespace}"',
            'workflow_instance_id="kubernetes"',
        ),
        (
            "an attempt that was made again is the same task as the deleted one",
            "task_id=self.uid,",
            "task_id=self.name,",
        ),
    ),
    *calls_of_tasks(
        ("a call of millions of values fills the memory", "if _values(data) > VALUES_LIMIT and", "if False and"),
        (
            "a text with many commas is refused",
            'and _values(_STRING.sub(b"", data)) > VALUES_LIMIT:',
            ":",
        ),
        ("a call that cannot be recorded is taken", "    if is_too_deep(call, DEPTH_LIMIT):", "    if False:"),
        ("a deep call ends the agent", "    except RecursionError as error:", "    except MemoryError as error:"),
    ),
    *frames(
        ("a frame of any announced size is read into memory", "    if length > FRAME_LIMIT:", "    if length > 2**32:"),
        ("a frame is sent that the other side refuses", "    if len(data) > FRAME_LIMIT:", "    if False:"),
        (
            "a header that was cut short is read as a length",
            "    if len(header) != _HEADER.size:",
            "    if not header:",
        ),
        ("a list is taken for a call", "    if not isinstance(body, dict):", "    if body is None:"),
        (
            "a file name that is not UTF-8 ends the conversation",
            'separators=(",", ":")).encode("utf-8", "surrogatepass")',
            'separators=(",", ":")).encode("utf-8")',
        ),
    ),
    *status(
        ("Conductor fails a task for its output", "    if len(plain) > OUTPUT_JSON_LIMIT:", "    if False:"),
        ("an object grows over what etcd takes", "    if len(packed) > OUTPUT_LIMIT:", "    if False:"),
        (
            "a large output is stored uncompressed",
            "len(plain) <= OUTPUT_INLINE_LIMIT and kept_in_merge_patch(output)",
            "kept_in_merge_patch(output)",
        ),
        (
            "an output that a merge patch would change is stored as it is",
            "len(plain) <= OUTPUT_INLINE_LIMIT and kept_in_merge_patch(output)",
            "len(plain) <= OUTPUT_INLINE_LIMIT",
        ),
        ("an output that no JSON can say is recorded", "allow_nan=False, ", ""),
        (
            "a compressed output is reported as none",
            "return self.output if self.output_gzip is None else",
            "return self.output if True else",
        ),
        ("the same output is packed differently each time", "gzip.compress(plain, mtime=0)", "gzip.compress(plain)"),
    ),
    *depth(
        ("one level too many is taken", "    for _ in range(most):", "    for _ in range(most + 1):"),
        ("the last permitted level is refused", "    for _ in range(most):", "    for _ in range(most - 1):"),
        ("JSON that is too deep ends the program", "        return json.loads(shallow(data))", "        raise"),
        (
            "what is cut is taken for what was there",
            "            if level == most + 1:\n                kept",
            "            if level == most:\n                kept",
        ),
    ),
    *exact(
        ("a whole float comes back as an integer", "if isinstance(part, float) and part.is_integer():", "if False:"),
        (
            "a very large float is packed for nothing",
            "SMALLEST_FLOAT_WITH_EXPONENT = 1e21",
            "SMALLEST_FLOAT_WITH_EXPONENT = 1e22",
        ),
        ("an integer over 64 bits is rounded", "<= LARGEST_INTEGER", "<= 2 * LARGEST_INTEGER"),
        ("a null is dropped from an output", "part is not None and _is_kept(part)", "_is_kept(part)"),
        ("half a surrogate pair hides in a key", "            pending += part.keys()\n", ""),
        ("a value in a list is overlooked", "            pending += part\n", "            pass\n"),
        ("a NaN passes for JSON", "        return not _is_no_number(part)", "        return True"),
        ("a number that JSON does not have is not named", "and not math.isfinite(part)", "and False"),
    ),
    *calls(
        (
            "a refusal reaches the task as an answer",
            "{REFUSED if isinstance(model, Refusal) else ANSWERED: model.to_json()}",
            "{ANSWERED: model.to_json()}",
        ),
    ),
)
