"""The hub on one machine: servers are processes."""
