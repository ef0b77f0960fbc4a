"""The command line. Commands of other distributions join by the entry-point group ``labyard.commands``."""
