"""The campaign report: one HTML file that opens offline."""
