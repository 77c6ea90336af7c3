"""A model of the publication protocol: the agent's real code over fakes, in virtual time, with every order of calls."""
