"""Moments as the Kubernetes API writes them: RFC 3339, in UTC."""

from datetime import UTC, datetime

SECONDS, MICROSECONDS = len("2026-01-01T00:00:00"), len("2026-01-01T00:00:00.000000")


def timestamp(moment: datetime) -> str:
    """`metav1.Time`: whole seconds."""
    return moment.astimezone(UTC).isoformat(timespec="seconds")[:SECONDS] + "Z"


def micro_timestamp(moment: datetime) -> str:
    """`metav1.MicroTime`: six places of a second, so that texts are in the order of their moments."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")[:MICROSECONDS] + "Z"
