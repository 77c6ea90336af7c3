"""Container images: built from Dockerfiles, kept on this host, put into clusters."""
