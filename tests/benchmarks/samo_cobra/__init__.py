"""Multi-objective optimisers side by side on the 17 problems of the SAMO-COBRA paper."""
