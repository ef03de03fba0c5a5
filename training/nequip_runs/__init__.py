"""Trainings with NequIP: configuration, processes, checkpoints, deployment."""
