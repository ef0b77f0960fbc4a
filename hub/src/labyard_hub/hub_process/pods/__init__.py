"""The hub on a cluster: servers are pods."""
