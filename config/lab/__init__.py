"""The laboratory as processes: what runs, how it is started, watched, stopped and looked at.

`processes` is the table of what runs, `layout` where it lives (folder, ports, socket), `environment` what the
processes are told, `child` and `supervisor` keep them alive, `health` and `status` look at them from outside.
Only the standard library and psutil are used here, so that a broken
dependency still has a supervisor to say so.
"""
