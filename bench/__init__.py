"""Benchmarks: one command per table, each with a baseline from the same run; the last line is JSON."""
