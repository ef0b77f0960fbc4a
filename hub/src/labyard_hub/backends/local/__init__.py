"""The embedded backend: local processes, Unix accounts, environments on this machine."""
