class world:  # noqa: N801
    rank = 0
    size = 1
