"""A newsletter delivery service: consent, composing, delivering, and what comes back.

`app.create_app` wires everything; `docs/developers.md` is the map.
"""

__version__ = "0.1.0"
