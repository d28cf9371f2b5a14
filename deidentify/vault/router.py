"""The vault's tables live in the vault's database, and nothing else does."""

from typing import Any

from django.db.models import Model

ALIAS = "vault"
LABEL = "vault"


class VaultRouter:
    def db_for_read(self, model: type[Model], **hints: Any) -> str | None:
        return ALIAS if _is_ours(model) else None

    def db_for_write(self, model: type[Model], **hints: Any) -> str | None:
        return self.db_for_read(model)

    def allow_relation(self, one: Model, other: Model, **hints: Any) -> bool | None:
        sides = {_is_ours(one), _is_ours(other)}
        return None if sides == {False} else sides == {True}

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        return (db == ALIAS) == (app_label == LABEL)


def _is_ours(model: Model | type[Model]) -> bool:
    return model._meta.app_label == LABEL  # noqa: SLF001  Django's own way to ask
