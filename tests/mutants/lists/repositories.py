"""What people do to a repository: the fence's hook and its versions, where lakeFS and its keys are found."""

from tests.mutants.mutant import Mutant, of

hook = of("runner/perago/fence_hook.py", "perago/test_fence_hook.py")
kind = of("runner/perago/agent/hook.py", "perago/agent/test_steps.py")
account = of("runner/perago/cli/lakefs/account.py", "perago/cli/test_lakefs_account.py")

MUTANTS: tuple[Mutant, ...] = (
    *hook(
        ("the hook looks for another key", 'metadata["{INPUT_REF}"]', 'metadata["perago.inputRef"]'),
        ("the hook lets an outdated publication pass", "expected ~= head then", "expected == head then"),
        ("a changed hook keeps its version", "expected ~= nil and", "expected ~= '' and"),
        ("an edited hook is said to fence", "if content == ACTION else Standing.EDITED", "if content else Standing.EDITED"),
        ("somebody else's file is taken for ours", "line = _VERSION_LINE.match(content)", "line = _VERSION_LINE.search(content)"),
        ("a newer hook is replaced", "if version < VERSION else Standing.NEWER", "if version else Standing.NEWER"),
        ("an older hook is said not to fence", "(Standing.CURRENT, Standing.OLDER, Standing.NEWER)", "(Standing.CURRENT,)"),
    ),
    *kind(
        ("an attempt is said to be fenced by any file of that name", "if standing_of(await lakefs.object_text(input_ref, PATH)).fences", "if await lakefs.object_text(input_ref, PATH)"),
        ("a fence that cannot be read stops the attempt", "except (LakeFSError, NoAnswer) as error:", "except ZeroDivisionError as error:"),
    ),
    *account(
        ("the address keeps its path twice", ".removesuffix(API)", ""),
        ("the file takes precedence over the variables", "(variables.get(name) or stored.get(name) or \"\")", "(stored.get(name) or variables.get(name) or \"\")"),
        ("an address with keys is taken and shown", ' or "@" in parts.netloc', ""),
        ("a key is shown where an account is printed", "access_key: str = field(repr=False)\n    secret: str = field(repr=False)", "access_key: str\n    secret: str"),
        ("a named file that is missing is passed over", "        if named:\n", "        if False:\n"),
    ),
)  # fmt: skip
