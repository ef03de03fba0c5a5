"""The stages of a campaign: one module each, with all there is about it in ``STAGE``.

Their order is that of :func:`workflows.stage.ordered_stages`. Each reads and writes files of a
workdir, and can run alone.
"""
