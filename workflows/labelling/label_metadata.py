"""Metadata of label jobs, which a scheduler may ask as well."""

# Of jobs that build a structure and label none.
BUILDS = "builds"
# Of jobs that label one: what decides where a scheduler runs them.
LABELLED_BY, TASK, N_ATOMS = "labelled_by", "task", "n_atoms"
