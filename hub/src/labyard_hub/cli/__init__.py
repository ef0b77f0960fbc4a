"""The commands that `labyard-hub` adds to `labyard`."""
