"""Where things execute."""
