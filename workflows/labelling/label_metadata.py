"""Metadata of jobs that label, which a scheduler may ask as well."""

# Of jobs that build a structure and label none.
BUILDS = "builds"
# Of jobs that label one: what decides where a scheduler runs them.
# `RUNS_ON` has a value of `workflows.engine.RunsOn`.
RUNS_ON, TASK, N_ATOMS = "runs_on", "task", "n_atoms"
