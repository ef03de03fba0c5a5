"""Compute: jobflow jobs and flows, engines, collection, and the command line."""
