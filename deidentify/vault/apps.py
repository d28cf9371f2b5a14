from django.apps import AppConfig


class VaultConfig(AppConfig):
    name = "deidentify.vault"
    label = "vault"
    verbose_name = "Key vault"
