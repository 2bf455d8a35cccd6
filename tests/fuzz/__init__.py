"""Hostile input by mutation, for the readers of what strangers send: `make fuzz`."""
