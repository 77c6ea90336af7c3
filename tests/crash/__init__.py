"""A sweep of crash points: the operator's real code over verified fakes, killed and misled at every external call."""
