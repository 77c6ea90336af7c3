"""The operator: it turns PeragoAttempts and Conductor tasks into pods and makes sure that each outcome is reported once.

It imports `perago.wire`, `perago.errors` and `perago.models` of the runner and nothing else of it.
"""
