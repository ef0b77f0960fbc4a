"""Stand-ins for what tests cannot have, for Labyard's own tests and for those of third-party backends."""
