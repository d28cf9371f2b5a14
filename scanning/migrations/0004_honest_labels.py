from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("scanning", "0003_the_night")]

    operations = [
        migrations.AlterField(
            model_name="attempt",
            name="state",
            field=models.CharField(
                choices=[
                    ("queued", "Queued"),
                    ("running", "Scanning"),
                    ("acquired", "Building the virtual slide"),
                    ("done", "Scanned and verified"),
                    ("failed", "Failed"),
                    ("aborted", "Aborted"),
                ],
                db_index=True,
                default="queued",
                max_length=8,
            ),
        ),
        migrations.AlterField(
            model_name="scanprofile",
            name="colours",
            field=models.CharField(
                choices=[("field", "Field by field"), ("mosaic", "Colour by colour")],
                default="field",
                max_length=6,
            ),
        ),
    ]
