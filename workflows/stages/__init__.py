"""The stages of a campaign: each reads and writes files of a workdir, and can run alone."""
