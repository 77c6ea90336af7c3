"""Moments as the Kubernetes API writes them: RFC 3339, in UTC."""

from datetime import UTC, datetime


def timestamp(moment: datetime) -> str:
    """`metav1.Time`: whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def micro_timestamp(moment: datetime) -> str:
    """`metav1.MicroTime`: six places of a second, so that texts are in the order of their moments."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
