"""What a job costs beyond its own work: many trivial label jobs through a true SLURM."""
