"""What a machine without servers gets: a Valkey, an SMTP sandbox, a sample feed, supervised.

Ground: it knows no feature, no model and no Flask; whoever starts something owns its life.
"""
