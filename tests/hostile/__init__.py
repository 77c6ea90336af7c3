"""What somebody hostile can do to an installation, tried on real pods and the real API server.

`cases` says what a case is, `scenes` plays them by attacker of docs/security.md, `defences` takes one defence away at a
time to see that the cases notice, and `canaries` looks for the run's secrets in all that the run has left.
"""
