"""What a browser loads of JupyterLab and Notebook: gathered and compressed once, the same for all users."""
