"""Judge what was learnt: metrics, baselines, evaluation, pictures, the HTML report."""
