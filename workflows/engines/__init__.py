"""Label engines: who computes energies, forces and stresses."""
