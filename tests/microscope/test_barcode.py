import numpy as np
import pytest

from microscope import barcode


@pytest.mark.parametrize("code_format", ["DataMatrix", "QRCode"])
def test_it_reads_what_it_draws(code_format):
    label = barcode.draw_label("S26-00012-A1-L1", ("H&E",), code_format=code_format)
    assert barcode.read(label) == "S26-00012-A1-L1"


def test_it_reads_nothing_from_an_empty_label():
    assert barcode.read(np.full((300, 300, 3), 240, np.uint8)) is None


def test_two_different_barcodes_on_one_label_are_none():
    two = np.concatenate([barcode.draw_label("S26-1"), barcode.draw_label("S26-2")], axis=1)
    assert barcode.read(two) is None
