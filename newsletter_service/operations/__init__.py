"""What operators look at and do: checks, metrics, traces, tidying up.

Knows every feature below it and changes little; knows no page.
"""
