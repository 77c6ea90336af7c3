"""The operator's ports over real clients: client libraries and foreign errors end here."""
