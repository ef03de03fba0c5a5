"""Metadata of jobs: the resource that a job needs, as a queue asks for it."""

RESOURCE = "resource"
