"""Delivery: who gets an issue, the gate, the turns of the workers, recovery, the statement.

Knows the ledger and the SMTP client; knows no web page and no bounce message.
"""
