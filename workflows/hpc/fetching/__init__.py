"""A campaign's folder on the cluster, and its way home."""
