"""One attempt: gather the facts, decide, act, until there is nothing to do."""
