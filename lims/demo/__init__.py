"""A laboratory's fictitious week: patients, cases, slides and reports for demonstrations and trials."""

from lims.demo.making import STAINS_IF, make_demo

__all__ = ["STAINS_IF", "make_demo"]
