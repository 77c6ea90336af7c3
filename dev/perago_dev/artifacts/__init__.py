"""What a release publishes, made from a commit alone, so that everybody who makes it gets the same bytes."""
