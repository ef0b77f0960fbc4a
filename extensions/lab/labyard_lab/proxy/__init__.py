"""The way from the browser to a tool."""
