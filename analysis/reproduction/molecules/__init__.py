"""Tables and figures of Le 2023: force fields of small molecules by circuits, and their company."""
