"""The platform side of Labyard: configuration, hub plug-ins, the service and ``labyard up``."""
