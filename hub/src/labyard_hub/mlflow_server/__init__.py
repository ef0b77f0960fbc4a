"""MLflow's server. It runs in its own environment and imports nothing of ours."""
