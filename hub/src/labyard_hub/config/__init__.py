"""Settings, the file they come from, and the state folder."""
