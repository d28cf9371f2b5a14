"""Rows are sealed: keys and sample numbers of earlier builds move into one table that nobody reads without the
file key. Their tables are dropped.
"""

from pathlib import Path

import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

from deidentify.vault.sealing import Sealer, key_id, make_file_key, read_file_key

TABLES = ("vault_issued", "vault_keyring")
REFUSAL = "rows of the vault are only added"


def seal(apps, schema_editor):
    """What was issued so far, in the order in which it was."""
    patients = apps.get_model("vault", "PatientKey").objects
    cases = apps.get_model("vault", "CaseNumber").objects
    contents = [
        *(
            ({"kind": "patient", "reference": row.patient_ref, "key": row.key,
              "date_shift_days": row.date_shift_days}, row.key, row.created_at)
            for row in patients.all()
        ),
        *(
            ({"kind": "case", "reference": row.case_ref, "year": row.year, "number": row.number},
             f"{row.year}-{row.number}", row.created_at)
            for row in cases.all()
        ),
    ]  # fmt: skip
    if not contents:
        return
    file = Path(settings.VAULT_KEY_FILE)
    if not file.exists():
        make_file_key(file)
    made, file_key = Sealer.new(), read_file_key(file)
    apps.get_model("vault", "KeyRing").objects.create(
        generation=1, key_id=key_id(file_key), wrapped=made.wrapped(file_key)
    )
    for content, number, at in contents:
        owner = made.tag("owner", f"{content['kind']}:{content['reference']}")
        apps.get_model("vault", "Issued").objects.create(
            owner=owner,
            value=made.tag("value", f"{content['kind']}:{number}"),
            sealed=made.close(content, owner),
            created_at=at,
        )


def protect(apps, schema_editor):
    vendor = schema_editor.connection.vendor
    for table in TABLES:
        if vendor == "sqlite":
            for verb in ("UPDATE", "DELETE"):
                schema_editor.execute(
                    f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
                )
        elif vendor == "postgresql":
            schema_editor.execute(
                f"CREATE TRIGGER {table}_only_add BEFORE UPDATE OR DELETE ON {table} "
                "FOR EACH ROW EXECUTE FUNCTION vault_only_add()"
            )


def release_looks(apps, schema_editor):
    """A column is added to the log: its guard is lifted meanwhile."""
    on = " ON vault_keylook" if schema_editor.connection.vendor == "postgresql" else ""
    schema_editor.execute(f"DROP TRIGGER IF EXISTS vault_keylook_only_add{on}")


def protect_looks(apps, schema_editor):
    vendor = schema_editor.connection.vendor
    if vendor == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            schema_editor.execute(
                f"CREATE TRIGGER vault_keylook_no_{verb.lower()} BEFORE {verb} ON vault_keylook "
                f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
            )
    elif vendor == "postgresql":
        schema_editor.execute(
            "CREATE TRIGGER vault_keylook_only_add BEFORE UPDATE OR DELETE ON vault_keylook "
            "FOR EACH ROW EXECUTE FUNCTION vault_only_add()"
        )


class Migration(migrations.Migration):
    dependencies = [("vault", "0002_append_only")]
    operations = [
        migrations.CreateModel(
            name="KeyRing",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("generation", models.PositiveIntegerField(unique=True)),
                ("key_id", models.CharField(max_length=16)),
                ("wrapped", models.BinaryField()),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={"ordering": ["generation"]},
        ),
        migrations.CreateModel(
            name="Issued",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("owner", models.CharField(max_length=64, unique=True)),
                ("value", models.CharField(max_length=64, unique=True)),
                ("sealed", models.BinaryField()),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={"ordering": ["id"]},
        ),
        migrations.RunPython(seal, migrations.RunPython.noop, elidable=True),
        migrations.DeleteModel("PatientKey"),
        migrations.DeleteModel("CaseNumber"),
        migrations.RunPython(release_looks, migrations.RunPython.noop),
        migrations.AddField(
            "keylook",
            "seal",
            models.CharField(blank=True, default="", help_text="of this row and the one before it", max_length=64),
            preserve_default=False,
        ),
        migrations.RunPython(protect_looks, migrations.RunPython.noop),
        migrations.RunPython(protect, migrations.RunPython.noop),
    ]
