"""The platform's processes as containers: each finds here what ``labyard up`` would give it on one machine."""
