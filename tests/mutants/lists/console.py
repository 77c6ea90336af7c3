"""What leaves a cluster with `perago support-bundle`, and what the commands for people on call change."""

from tests.mutants.mutant import Mutant, of

redaction = of("console/perago_console/core/redaction.py", "perago_console/test_bundle.py")
bundle = of("console/perago_console/commands/bundle.py", "perago_console/test_bundle.py")
renewal = of("console/perago_console/core/renewal.py", "perago_console/test_repair.py")
cancel = of("console/perago_console/commands/cancel.py", "perago_console/test_commands.py")
why = of("console/perago_console/commands/why.py", "perago_console/test_repair.py")

MUTANTS: tuple[Mutant, ...] = (
    *redaction(
        ("literal variables leave the cluster", "if _is_variable(value):", "if False:"),
        ("contents of tasks leave the cluster", "if not content and name in _CONTENT and", "if False and"),
        ("fields that are called like credentials leave", "_SECRET_FIELD.match(name):", "False:"),
        ("what comes after an option leaves", "and _SECRET_FIELD.match(before)", "and False"),
        ("the credentials that are known are not looked for", "for form in secrets:", "for form in ():"),
        ("a secret is known in base64 at one place alone", "for shift in range(3):", "for shift in range(1):"),
        ("the log in a message leaves", "text = value if content else", "text = value if True else"),
    ),
    *bundle(
        ("anybody may read the archive", "os.O_EXCL, 0o600)", "os.O_EXCL, 0o644)"),
        ("an archive is overwritten", "os.O_CREAT | os.O_EXCL", "os.O_CREAT"),
        (
            "logs are not looked through",
            "self.files[name] = scrubbed(read(), self.secrets)",
            "self.files[name] = read()",
        ),
        ("other people's events leave", "if _is_ours(event, ours)]", "if True]"),
    ),
    *renewal(("a retry is canceled as its first was", 'if name != "cancel"}', "}")),
    *cancel(("what has ended is canceled", "if attempt.status.outcome is not None:", "if False:")),
    *why(("another attempt of the name answers", "if attempt.metadata.uid == commit.uid else None", "")),
)
