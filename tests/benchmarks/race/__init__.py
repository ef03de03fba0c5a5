"""Race: our potential, a kernel ridge, GAP and MACE on equal data and equal processor time."""
