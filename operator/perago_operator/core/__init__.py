"""What happens to an attempt: pure decisions over a situation. No I/O, no clock, no client library."""
