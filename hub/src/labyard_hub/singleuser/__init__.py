"""Configuration that every single-user server reads; a folder on ``JUPYTER_CONFIG_PATH``."""
