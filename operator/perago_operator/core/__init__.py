"""What happens to an attempt: pure decisions over facts. No I/O, no clock, no client library."""
