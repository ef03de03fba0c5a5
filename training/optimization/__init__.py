"""Multi-objective optimisation of expensive functions: SAMO-COBRA, alone and as Optuna sampler."""
