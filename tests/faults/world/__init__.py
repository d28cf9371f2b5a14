"""A laboratory in one thread and in virtual time: the real services, jobs, reconcilers and life of a slide,
on an SQLite in memory; around them, behind `wire.Client` and the Celery application, everything else is made
up here and breaks by a seed.

    hub         virtual time; processes that can be killed, frozen and stopped at any call
    seams       every name of the laboratory's that is replaced, and by what
    database    the record: killed at any statement, away, told nothing of its own commit
    queries     each query is built and compiled once
    network     `wire.Client`: partitions, lost replies, requests carried out twice
    scanner     the instrument, as `microscope.jobs` and `microscope.server` behave
    service     the slide service, as `vslide.manager` and its writers behave; knows what was acknowledged
    broker      messages: late, twice, ten times, out of order, gone
    staff       the processes: workers, relay, web; and their supervisor
    people      technicians and whoever else meddles
    weather     which fault strikes when
    account     what must be true of every night
    sabotage    one safeguard taken away, to see that it is missed
    night       one seed, one night
"""

import os

import django
from django.apps import apps

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
if not apps.ready:
    django.setup()
