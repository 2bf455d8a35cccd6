"""What a machine without servers gets: a Valkey, an SMTP sandbox and a sample site with news.

Each part runs on loopback only, is owned by the process that started it and ends with it. None
knows anything of the service around it.
"""
