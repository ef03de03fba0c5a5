"""Campaigns in a queue: their jobs, on which worker each runs, what they gave."""
