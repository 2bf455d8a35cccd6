"""Readers: how they come, change their minds and leave, with the proof of each step.

Knows the database and the shared floors below it; knows no web and no SMTP, and sends no mail
itself: it asks for notices.
"""
