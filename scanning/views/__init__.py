"""The pages of the scanner room: the night, the focus review, the morning, the scanners."""
