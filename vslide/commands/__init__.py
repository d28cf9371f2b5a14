"""The commands of `python -m vslide`: each module has `configure(parser)` and `run(options)`, and loads only
what it needs.
"""
