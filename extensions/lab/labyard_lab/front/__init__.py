"""The short way from the outer proxy to a tool: an nginx of the user's own, which asks this server who may pass and carries the bytes itself."""
