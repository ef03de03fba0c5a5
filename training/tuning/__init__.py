"""Studies of hyper-parameters: what is varied, what a trial measures, what it must not exceed."""
