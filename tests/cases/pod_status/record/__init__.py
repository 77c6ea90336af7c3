"""Records what pods show in every situation that the development cluster can bring about."""
