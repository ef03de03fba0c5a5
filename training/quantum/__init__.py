"""Small parametrised quantum circuits: described as data, run on many samples with torch."""
