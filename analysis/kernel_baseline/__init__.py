"""A cheap kernel model, fitted to the same frames as the trained model that it judges."""
