"""Attempts on real parts while those parts fail, and an auditor that looks for what was lost, doubled or leaked."""
