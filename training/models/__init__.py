"""Parts that the models of several variants are made of."""
