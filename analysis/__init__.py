"""Judge what was learnt: metrics, learning curves, the HTML report."""
