"""What keeps a target branch right: the publication table, the metadata of commits, and the publisher."""

from tests.mutants.mutant import Mutant, of

table = of("runner/perago/agent/publication.py", "perago/agent/test_publication.py")
publisher = of("runner/perago/agent/publisher.py", "perago/agent/test_publisher.py")

MUTANTS: tuple[Mutant, ...] = (
    *table(
        ("a later attempt's publication is replaced", "retry < target.me.retry", "retry != target.me.retry"),
        ("a publication of the same retry is replaced", "retry < target.me.retry", "retry <= target.me.retry"),
        ("another task's publication is replaced", "and same_task and", "and"),
        (
            "a publication with others on top of it is replaced",
            "if not (_on_input(target) and same_task",
            "if not (same_task",
        ),
        (
            "another attempt's publication counts as ours",
            "commit.metadata.get(metadata_keys.ATTEMPT_UID) == attempt_uid",
            "metadata_keys.ATTEMPT_UID in commit.metadata",
        ),
        (
            "a person's commit is replaced although that is switched off",
            " and not marked and target.replace_unmarked",
            " and not marked",
        ),
        (
            "a commit of an unknown Perago task counts as a person's",
            "if _on_input(target) and not marked",
            "if _on_input(target)",
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
            "a large output is kept in a commit and the merge refused",
            "if len(text) <= OUTPUT_METADATA_LIMIT:",
            "if len(text) >= 0:",
        ),
        (
            "a staged commit, not yet published, carries an output",
            "({} if output is None else _output_metadata(output))",
            "_output_metadata(output or {})",
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
            "if self._fate_unknown and (landed := await self._settled()):",
            "if False and (landed := await self._settled()):",
        ),
        ("nobody waits for a merge that is still under way", "SETTLE_LOOKS: Final = 8", "SETTLE_LOOKS: Final = 1"),
        (
            "an answer that was lost does not count as lost",
            "            self._fate_unknown = True",
            "            self._fate_unknown = False",
        ),
        (
            "a merge that landed twice is called a conflict",
            "if self._fate_unknown and (landed := await self.evidence()):",
            "if False and (landed := await self.evidence()):",
        ),
        ("a stale attempt publishes", "            await self._fence()\n", ""),
        ("the target moves under a publication without an end", "ROUNDS: Final = 3", "ROUNDS: Final = 99"),
        (
            "the merge takes whatever is on the staging branch now",
            "        if head != staged.commit:",
            "        if head is None:",
        ),
        (
            "the branch is reset to its own head, not to the input ref",
            "hard_reset(self._plan.target, self._plan.input_ref)",
            "hard_reset(self._plan.target, abandoned)",
        ),
        (
            "keeping the input ref is not tried again after a lost answer",
            "return await retried(self._unchanged, self._plan.retry_seconds)",
            "return await self._unchanged()",
        ),
        ("a turn is kept for ever after a failed try", "            await self._turn.give_back()", "            pass"),
        (
            "an attempt without changes moves the branch without a turn",
            "None if isinstance(decision, publication.ResetToInput) else await",
            "await",
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
)
