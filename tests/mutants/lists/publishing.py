"""What keeps a target branch right: the publication table, the metadata of commits, and the publisher."""

from tests.mutants.mutant import Mutant, of

table = of("runner/perago/agent/publication.py", "perago/agent/test_publication.py")
publisher = of("runner/perago/agent/publisher.py", "perago/agent/test_publisher.py")
target = of("runner/perago/agent/target.py", "perago/agent/test_publisher.py")
steps = of("runner/perago/agent/steps.py", "perago/agent/test_steps.py")
kept = of("runner/perago/wire/kept_output.py", "perago/test_kept_output.py")
packed = of("runner/perago/wire/status.py", "perago/test_kept_output.py")
ending = of("runner/perago/agent/ending.py", "perago/agent/test_session.py")

MUTANTS: tuple[Mutant, ...] = (
    *table(
        ("a later attempt's publication is replaced", "retry < me.retry", "retry != me.retry"),
        ("a publication of the same retry is replaced", "retry < me.retry", "retry <= me.retry"),
        ("another task's publication is replaced", "and same_task and", "and"),
        (
            "a publication with others on top of it is replaced",
            "if not (_on_input(target) and same_task and",
            "if not (same_task and",
        ),
        (
            "another attempt's publication counts as ours",
            "commit.metadata.get(metadata_keys.ATTEMPT_UID) == attempt_uid",
            "metadata_keys.ATTEMPT_UID in commit.metadata",
        ),
        (
            "a person's commit is replaced although that is not switched on",
            " and not marked and target.replace_unmarked",
            " and not marked",
        ),
        (
            "a person's commit is replaced by default",
            "    replace_unmarked: bool = False",
            "    replace_unmarked: bool = True",
        ),
        (
            "an attempt without changes takes a person's commit off the branch",
            "if replaceable and target.changed else None",
            "if replaceable else None",
        ),
        (
            "a later run's publication is replaced",
            "        return created < me.created",
            "        return created != me.created",
        ),
        (
            "a former run's publication stands in the way of a restarted workflow",
            "    if created and me.created and created != me.created:",
            "    if False and me.created and created != me.created:",
        ),
        (
            "attempts of one second count as later ones",
            "me.created and created != me.created:",
            "me.created:",
        ),
        (
            "a zombie takes a later execution's publication for its own",
            "    if execution is None or execution <= target.me.execution:",
            "    if execution is None or execution <= target.me.execution or True:",
        ),
        (
            "a landing on somebody else's commit counts as a publication",
            "AlreadyPublished(target.head.id) if _on_input(target) else TakeBack",
            "AlreadyPublished(target.head.id) if True else TakeBack",
        ),
        (
            "a look after the merge takes a landing on somebody else's commit for the publication",
            "(commit for commit in own if commit.parents[:1] == (input_ref,))",
            "(commit for commit in own)",
        ),
        (
            "a second landing is taken back together with what somebody has built upon it",
            "    on_top = bool(astray) and tuple(history[: len(astray)]) == astray",
            "    on_top = bool(astray)",
        ),
        (
            "a commit of an unknown Perago task counts as a person's",
            "_on_input(target) and not marked and",
            "_on_input(target) and",
        ),
        (
            "commits far above the input ref are replaced",
            "target.head.parents[:1] == (target.input_ref,)",
            "bool(target.head.parents)",
        ),
        (
            "the second parent counts as the branch's former head",
            "target.head.parents[:1] == (target.input_ref,)",
            "target.input_ref in target.head.parents",
        ),
        (
            "changes are dropped on a target that has not moved",
            "return Merge() if target.changed else Keep()",
            "return Keep()",
        ),
        (
            "the table's last row publishes on foreign commits",
            "    return Refuse(_not_ours(target))",
            "    return Merge()",
        ),
        (
            "a retry count that is not a number is taken for retry 0",
            "int(text) if text.isascii() and text.isdigit() else None",
            "int(text) if text.isascii() and text.isdigit() else 0",
        ),
        (
            "a staged commit, not yet published, carries an output",
            "({} if output is None else output_metadata(output))",
            "output_metadata(output or {})",
        ),
        (
            "the publication names the execution, not the attempt",
            "metadata_keys.ATTEMPT_UID: order.uid,",
            "metadata_keys.ATTEMPT_UID: order.execution_id,",
        ),
        (
            "every publication counts as the first attempt's",
            "metadata_keys.RETRY: str(task.retry_count)",
            'metadata_keys.RETRY: "0"',
        ),
    ),
    *publisher(
        (
            "a merge whose answer was lost is repeated without a look",
            "        if self.unanswered and (landed := await self._evidence()):\n            return landed\n        async with",
            "        async with",
        ),
        (
            "an answer that was lost does not count as lost",
            "unanswered_before, self.unanswered = self.unanswered, True",
            "unanswered_before, self.unanswered = self.unanswered, False",
        ),
        (
            "a merge that landed twice is called a conflict",
            "        if self.unanswered and (landed := await self._alone(await self._target.landed())):\n            return landed\n"
            "        if isinstance",
            "        if isinstance",
        ),
        (
            "a merge whose answer was lost at the end of the time is not looked for",
            "landed = await retried(self._evidence, self._plan.retry_seconds) if self.unanswered else None",
            "landed = None",
        ),
        (
            "nobody looks at what a merge has done",
            "        landed = await self._alone(await self._target.landed())\n        if landed is None and",
            "        landed = Commit(merged, metadata=staged.metadata)\n        if landed is None and",
        ),
        (
            "a merge that was reset away counts as published",
            "        if landed is None and not self._target.reset_unanswered:",
            "        if False and not self._target.reset_unanswered:",
        ),
        (
            "what landed astray is left on the branch",
            "        if landed.back_to is not None:",
            "        if False and landed.back_to is not None:",
        ),
        (
            "a landing on somebody else's commit is no failure",
            "        if landed.in_force is None:\n            raise",
            "        if False:\n            raise",
        ),
        (
            "the look before the outcome is none",
            "        if landed.in_force and landed.in_force.id == published.id and not landed.astray:",
            "        if True:",
        ),
        (
            "the look before the outcome does not see a second landing",
            "landed.in_force.id == published.id and not landed.astray:",
            "landed.in_force.id == published.id:",
        ),
        (
            "a publication that somebody has reset away is put back over their heads",
            "if landed == Landed() and self._target.reset_unanswered and",
            "if landed == Landed() and",
        ),
        (
            "evidence takes a landing on somebody else's commit for none",
            "if landed.astray else landed.in_force\n\n    async def confirm",
            "if False else landed.in_force\n\n    async def confirm",
        ),
        ("a stale attempt publishes", "                await self._fence()\n", ""),
        ("the target moves under a publication without an end", "ROUNDS: Final = 3", "ROUNDS: Final = 99"),
        (
            "the merge takes whatever is on the staging branch now",
            "        if head != staged.commit:",
            "        if head is None:",
        ),
        (
            "the branch is reset to its own head, not to the input ref",
            "self._target.reset(abandoned, self._plan.input_ref)",
            "self._target.reset(abandoned, abandoned)",
        ),
        (
            "keeping the input ref is not tried again after a lost answer",
            "return await retried(self._unchanged, self._plan.retry_seconds)",
            "return await self._unchanged()",
        ),
        ("a turn is kept for ever after a failed try", "            await self._turn.give_back()", "            pass"),
        (
            "an attempt without changes moves the branch without a turn",
            "        done = None if moves else await",
            "        done = await",
        ),
        (
            "a merge may take longer than the turn lasts",
            "min(seconds, staged.merge_seconds)",
            "staged.merge_seconds",
        ),
        (
            "a merge may take longer than the task declares",
            "min(seconds, staged.merge_seconds)",
            "seconds",
        ),
        (
            "a hook's refusal after a merge that landed fails the attempt",
            "except (Conflict, HookRefused, NoChanges) as error:",
            "except (Conflict, NoChanges) as error:",
        ),
        (
            "NoChanges after a merge that landed fails the attempt",
            "except (Conflict, HookRefused, NoChanges) as error:",
            "except (Conflict, HookRefused) as error:",
        ),
    ),
    *kept(
        ("a large output is kept in a commit and the merge refused", "len(packed) <= PACKED_LIMIT:", "packed:"),
    ),
    *packed(
        (
            "a packed output in a commit fills the memory",
            "base64.b64decode(packed, validate=True), OUTPUT_JSON_LIMIT)",
            "base64.b64decode(packed, validate=True))",
        ),
        (
            "an output that is cut short counts",
            '        raise ValueError(f"an output is cut',
            '        str(f"an output is cut',
        ),
    ),
    *target(
        ("nobody waits for a merge that is still under way", "SETTLE_LOOKS: Final = 8", "SETTLE_LOOKS: Final = 1"),
        (
            "the head is not watched while a reset is under way",
            "                heads.append(await retried(self._head, self._plan.retry_seconds))",
            "                await retried(self._head, self._plan.retry_seconds)",
        ),
        (
            "a commit that a reset took off is named, but not put back",
            "        if head == to:\n            logger",
            "        if False:\n            logger",
        ),
        (
            "a commit that a reset took off is put back over later ones",
            "        if head == to:\n            logger",
            "        if True:\n            logger",
        ),
        (
            "a reset whose answer was lost counts as carried out",
            "            self.reset_unanswered = True\n            await",
            "            await",
        ),
        (
            "a commit that is on the branch again is reported as taken off",
            "            self.taken_off.difference_update(history)\n",
            "",
        ),
    ),
    *publisher(
        (
            "a commit that was to be replaced, and was not, is reported as taken off",
            "if self._replacing and self._replacing.ref in self._target.taken_off else None",
            "if self._replacing else None",
        ),
    ),
    *steps(
        (
            "a later execution reports its own output for an earlier one's publication",
            "            if publication.execution_of(commit) != self._order.execution:",
            "            if False:",
        ),
        (
            "an outage before the outcome undoes a publication",
            "        except NoAnswer as error:\n            logger",
            "        except PublishedWithoutOutput as error:\n            logger",
        ),
    ),
    *ending(
        (
            "a publication that is gone before the outcome is reported",
            "            await self._steps.confirm()",
            "            pass",
        ),
    ),
)
