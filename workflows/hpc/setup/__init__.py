"""From what a person says about a cluster to its jobflow-remote project."""
