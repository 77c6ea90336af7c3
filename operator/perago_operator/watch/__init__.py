"""What the cluster has shown: objects kept as the API server has them."""
