"""Everything that runs inside the hub process."""
