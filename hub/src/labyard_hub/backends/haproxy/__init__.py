"""HAProxy as the outer proxy: which program, its configuration, the routes and how they get there. No JupyterHub in it."""
