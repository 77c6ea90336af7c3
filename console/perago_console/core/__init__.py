"""What the commands say, derived from objects and the time. PURE: nothing here asks a cluster or prints."""
