from django.contrib.staticfiles.apps import StaticFilesConfig


class NocturneStaticFiles(StaticFilesConfig):
    """Static files without Django's catch-all of the checkout: node_modules are served by name only."""

    ignore_patterns = ["CVS", ".*", "*~", "*.ts", "*.map"]
