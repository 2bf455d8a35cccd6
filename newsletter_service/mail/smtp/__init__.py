"""The only code that speaks SMTP: hands one message at a time to a relay and says what became
of it. It knows relays, envelopes and bytes; it knows no database, no subscriber and no retry
schedule, and it never decides what a refusal means for a reader.
"""
