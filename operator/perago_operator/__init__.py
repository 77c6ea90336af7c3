"""The operator: turns PeragoAttempts and Conductor tasks into pods, and reports each outcome exactly once.

It imports `perago.wire`, `perago.errors` and `perago.models` of the runner and nothing else of it.
"""
