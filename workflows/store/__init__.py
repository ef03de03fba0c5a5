"""A maggma store in one SQLite file, and what it is made of."""
