"""Small clients of the three servers that the agent talks to: one call each. Retries and decisions are the caller's."""
