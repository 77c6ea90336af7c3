"""Virtual time: what the model of the publication protocol and the sweep of crash points share."""
