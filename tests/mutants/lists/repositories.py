"""What people do to a repository: the fence's hook and its versions, where lakeFS and its keys are found."""

from tests.mutants.mutant import Mutant, of

hook = of("runner/perago/fence_hook.py", "perago/test_fence_hook.py")
kind = of("runner/perago/agent/hook.py", "perago/agent/test_steps.py")
account = of("runner/perago/cli/lakefs/account.py", "perago/cli/test_lakefs_account.py")

leftovers = of("runner/perago/wire/leftovers.py", "perago/test_leftovers.py")
sweeper = of("operator/perago_operator/process/sweeper.py", "perago_operator/process/test_sweeper.py")
assembly = of("operator/perago_operator/process/assembly.py", "perago_operator/process/test_work.py")
attempts = of("operator/perago_operator/watch/stores.py", "perago_operator/watch/test_stores.py")

command = of("runner/perago/cli/lakefs/sweep.py", "perago/cli/test_lakefs_sweep.py")

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
    *leftovers(
        ("another installation's branch is deleted", "if maker is not None and maker.installation != installation:", "if False:"),
        ("a living attempt's branch is deleted", "    if attempt is Attempt.LIVES:\n        return Verdict.LIVING\n", ""),
        ("a branch that nobody can attribute is deleted", "    if attempt is Attempt.ELSEWHERE:\n        return Verdict.UNCLEAR\n", ""),
        ("a branch is deleted at any age", "if age >= older_than else Verdict.YOUNG", "if age >= 0 else Verdict.YOUNG"),
        ("the commit that a branch was made from is taken for its own", "if metadata.get(metadata_keys.ATTEMPT_UID) != branch.uid:", "if metadata_keys.ATTEMPT_UID not in metadata:"),
        ("an attempt that is being cleaned up is over", 'return Attempt.ENDED if ended and cleaned else', 'return Attempt.ENDED if ended else'),
        ("a running attempt whose last branch is deleted is over", 'return Attempt.ENDED if ended and cleaned else', 'return Attempt.ENDED if cleaned else'),
        ("a branch of another name is looked at", 'if not name.startswith(f"{BRANCH_PREFIX}-") or ending is None', "if ending is None"),
        ("a name that goes on is taken for an attempt's", " or ending.end() != len(name)", ""),
    ),
    *sweeper(
        ("a refusal of one repository ends the sweep", "            logger.warning(\"staging branches of {} cannot be swept: {}\", repository, error)\n            return None\n", "            raise\n"),
        ("branches that are gone are remembered", "kept | {name: self._since.get(name, now) for name in names}", "self._since | {name: self._since.get(name, now) for name in names}"),
        ("a repository that cannot be read makes its branches young", "self._since = kept | {", "self._since = {"),
        ("a branch of a living attempt costs two calls", "if shown is not Attempt.LIVES:", "if True:"),
        ("every attempt is read", "fate = shown or await self._fate(branch, maker)", "fate = await self._fate(branch, maker)"),
        ("what nobody can attribute is named at once", " and self._watched(repository, branch) >= self._terms.age", ""),
        ("an attempt that is gone is not known to be ours", "{*self._terms.repositories, *self._store.repositories()}", "{*self._terms.repositories}"),
    ),
    *assembly(
        ("a sweep that is switched off runs all the time", "self.sweeper.run} if settings.sweep_seconds else {})", "self.sweeper.run})"),
    ),
    *attempts(
        ("repositories are remembered without an end", "        if len(self._repositories) > MOST_REPOSITORIES:\n            del self._repositories[next(iter(self._repositories))]\n", ""),
        ("a repository that is named again is forgotten first", "        self._repositories.pop(repository, None)\n", ""),
    ),
    *command(
        ("days are taken for hours", '"d": 86400', '"d": 3600'),
        ("an age that goes on is taken", 're.fullmatch(r"([0-9]{1,6})([smhd])", text)', 're.match(r"([0-9]{1,6})([smhd])", text)'),
    ),
)  # fmt: skip
