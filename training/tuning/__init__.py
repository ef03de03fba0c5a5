"""Studies of hyper-parameters: search spaces, trials, measurements and limits."""
