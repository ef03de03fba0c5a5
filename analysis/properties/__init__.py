"""Properties that a potential is judged by: one module each, with all there is about it.

Each module defines a `analysis.validation.property.Property` as ``PROPERTY``; other packages add
theirs through the entry points ``cuprolith.properties``. Nothing else lists them.
"""
