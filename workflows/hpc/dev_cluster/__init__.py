"""A single-node SLURM, a MongoDB-wire server and a jobflow-remote project on one machine."""
