"""Wire models, one module per noun."""
