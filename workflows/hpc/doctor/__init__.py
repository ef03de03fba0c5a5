"""A written project checked for real, with a job on each worker."""
