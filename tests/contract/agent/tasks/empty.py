"""Declares no task."""
