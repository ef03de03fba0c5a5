"""Studies of hyper-parameters, kept in Optuna's storage: a loop at home, jobs in a queue."""
