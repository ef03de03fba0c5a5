"""Studies of hyper-parameters as jobflow flows, kept in Optuna's storage."""
