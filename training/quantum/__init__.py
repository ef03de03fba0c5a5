"""Small parametrised quantum circuits: described as data, run on many inputs with torch."""
