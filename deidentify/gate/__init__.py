"""The gate: a second program that looks for known values in a finished file.

It shares no code with what de-identifies: an error made there is not made again here. It runs as its own
process, ``python -m deidentify.gate FILE --known K.json``: exit 0 clean, 1 found, 2 it cannot judge.
"""
