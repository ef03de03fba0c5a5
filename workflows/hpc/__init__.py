"""Queues: campaigns on SLURM, PBS and SGE through jobflow-remote."""
