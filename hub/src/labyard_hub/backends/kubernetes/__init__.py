"""What Labyard asks of Kubernetes, as plain values: nothing here talks to a cluster or to the hub."""
