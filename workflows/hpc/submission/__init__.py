"""Campaigns in a queue: their jobs, and on which worker each runs."""
