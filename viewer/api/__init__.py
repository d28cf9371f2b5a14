"""The viewer's addresses for programs."""
