"""Makes MLflow's client feel at home in a server of this platform: the folder that code runs in says where its runs go.

Its folder is on ``PYTHONPATH`` in single-user servers, so it works in every Python environment there that has MLflow, and costs nothing where there is none.
MLflow finds the parts by their entry points.
"""
