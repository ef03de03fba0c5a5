"""Evaluate trained models: errors, baselines, pictures, the HTML report."""
