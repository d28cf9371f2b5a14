from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "core"
    verbose_name = "Core"

    def ready(self) -> None:
        import core.checks  # noqa: F401  system checks register on import, after the apps are loaded
