"""Results of studies of hyper-parameters: trials, fronts and their page."""
