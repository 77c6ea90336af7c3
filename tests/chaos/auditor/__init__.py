"""The auditor: reads Conductor, lakeFS and Kubernetes by their HTTP interfaces, and says what must not be.

It shares no code with the operator and the runner: names, labels and keys of metadata are written down here once more,
as somebody reads them who looks at the servers alone.

    witness.py ──▶ every state of attempts and pods ─┐
    reading.py ──▶ what the servers hold at the end ─┴▶ evidence.py ──▶ judging.py (PURE) ──▶ violations
"""
