"""Measuring the service on this machine (`newsletter bench`): every figure beside what it is held
against, medians of several rounds taken in turns. It starts its own servers and databases in a
directory of its own; it may know every feature, and no feature knows it.
"""
