"""From the settings of a cluster to its jobflow-remote project."""
