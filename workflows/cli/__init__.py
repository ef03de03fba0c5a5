"""The ``cuprolith`` command: one module per verb."""
