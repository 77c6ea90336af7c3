"""Benchmarks: one command a table, each with a baseline taken in the same run; the last line is JSON."""
