"""What studies of hyper-parameters have found: fronts, histories, importances."""
