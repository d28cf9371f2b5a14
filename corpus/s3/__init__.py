"""A release in an S3-compatible bucket: every object is created once, none is ever written over."""

from corpus.s3.pushing import push_release

__all__ = ["push_release"]
