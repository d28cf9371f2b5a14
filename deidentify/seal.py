"""Which known values a certificate speaks of, without saying them."""

import json
from dataclasses import asdict

from django.utils.crypto import salted_hmac

from deidentify.known import Known


def seal(known: Known) -> str:
    """A keyed digest of what the record knows of a patient: equal only while nothing was learnt or corrected.

    Keyed with the site's secret, for a plain hash of names and dates can be guessed.
    """
    values = json.dumps(asdict(known), sort_keys=True)
    return salted_hmac("deidentify.known", values, algorithm="sha256").hexdigest()
