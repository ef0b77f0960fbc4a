"""The route agent: beside HAProxy where the hub cannot reach its files and socket, as in a pod of its own.

It speaks the REST API of configurable-http-proxy, so the hub uses JupyterHub's own class for that.
"""
