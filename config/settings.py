"""The one settings file. Everything that differs between a laptop and a hospital is read from the
environment.
"""

import secrets
from pathlib import Path

from config import env

BASE_DIR = Path(__file__).resolve().parent.parent
VAR = Path(env.text("NOCTURNE_VAR", str(BASE_DIR / "var" / "lab")))
VAR.mkdir(parents=True, exist_ok=True, mode=0o700)


def _secret_key() -> str:
    """The site's secret: from the environment, or made once and kept beside the data."""
    given = env.text("SECRET_KEY", "")
    if given:
        return given
    file = VAR / "secret"
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(64), encoding="utf-8")
    return file.read_text(encoding="utf-8")


SECRET_KEY = _secret_key()
VIEWER_SIGNING_KEYS = env.words("VIEWER_SIGNING_KEYS", "")  # the first signs; else SECRET_KEY
DEBUG = env.flag("DEBUG", False)
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1],testserver")
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS", "")

INSTALLED_APPS = [
    "config.apps.NocturneStaticFiles",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "axes",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_filters",
    "django_htmx",
    "core",
    "lims",
    "viewer",
    "scanning",
    "annotation",
    "deidentify",
    "deidentify.vault",
    "corpus",
    "overview",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "core.files.StaticFiles",
    "core.middleware.SecurityHeaders",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "core.middleware.TypedErrors",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "core.context.laboratory",
            ],
            "builtins": ["core.templatetags.core", "lims.templatetags.lims"],
        },
    }
]

DATABASES = {
    "default": env.database("DATABASE_URL", VAR / "nocturne.sqlite3"),
    "vault": env.database("VAULT_DATABASE_URL", VAR / "vault.sqlite3"),
}
DATABASE_ROUTERS = ["deidentify.vault.router.VaultRouter"]
# Keep both away from the databases, and from each other's backup: docs/vault.md.
VAULT_KEY_FILE = env.text("VAULT_KEY_FILE", str(VAR / "vault.key"))
VAULT_LEDGER_FILE = env.text("VAULT_LEDGER_FILE", str(VAR / "vault.ledger"))
REPORT_DATES = env.text("REPORT_DATES", "year")  # or shift: by the vault's days, one number per patient
REPORT_REVIEW = env.text("REPORT_REVIEW", "signed")  # or machine: a report leaves as the rules made it
REPORT_NAMES = env.text(
    "REPORT_NAMES", "category"
)  # or numbered, or surrogates: docs/reports-deidentified.md
S3_ENDPOINT = env.text("S3_ENDPOINT", "")  # where `manage release_push` creates objects
S3_REGION = env.text("S3_REGION", "us-east-1")
S3_ACCESS_KEY_ID = env.text("AWS_ACCESS_KEY_ID", "")
S3_SECRET_ACCESS_KEY = env.text("AWS_SECRET_ACCESS_KEY", "")
S3_SESSION_TOKEN = env.text("AWS_SESSION_TOKEN", "")
CORPUS_LEAST_PATIENTS = env.whole("CORPUS_LEAST_PATIENTS", 5)  # of one tissue, sex, ten years of age and year
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "core.User"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"
CSRF_FAILURE_VIEW = "core.views.stale_form"
AXES_LOCKOUT_CALLABLE = "core.views.locked_out"
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_VERBOSE = False
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = env.flag("HTTPS", False)
SECURE_HSTS_SECONDS = 31_536_000 if SECURE_SSL_REDIRECT else 0
# Subdomains and browsers' preload lists bind names that are not this laboratory's: the site's own decision.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.flag("BEHIND_PROXY", False) else None
X_FRAME_OPTIONS = "DENY"

LANGUAGE_CODE = "en-gb"
TIME_ZONE = env.text("TZ", "UTC") or "UTC"
USE_TZ = True
USE_I18N = False

STATIC_URL = "/static/"
STATIC_ROOT = VAR / "static"
STATIC_ROOT.mkdir(exist_ok=True)  # WhiteNoise warns of a missing folder
NODE_MODULES = BASE_DIR / "node_modules"
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "config.static.NodeModulesFinder",
]
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = env.flag("STATIC_AUTOREFRESH", False)
CACHES = {"default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "nocturne_cache"}}

MEDIA_ROOT = VAR / "documents"

# What the laboratory writes
SLIDE_ROOT = Path(env.text("SLIDE_ROOT", str(VAR / "slides")))
SNAPSHOT_ROOT = VAR / "snapshots"
DEIDENTIFIED_ROOT = VAR / "deidentified"
RELEASE_ROOT = Path(env.text("RELEASE_ROOT", str(VAR / "releases")))
IMPORT_ROOT = Path(env.text("IMPORT_ROOT", str(VAR / "import")))

# The processes it talks to
SLIDE_SERVICE_ENDPOINT = env.text("SLIDE_SERVICE_ENDPOINT", "tcp://127.0.0.1:5700")
SCANNER_ENDPOINTS = env.scanners("SCANNER_ENDPOINTS")
HEARTBEAT_FILE = env.text("NOCTURNE_HEARTBEAT", "")
CANARY_FILE = env.text("NOCTURNE_CANARY", "")
CELERY_APP = "config.celery.app"
# Places where a snapshot tries to focus: each costs the scanner about 0.4 s, and foresees failures.
SNAPSHOT_FOCUS_TRIES = env.whole("SNAPSHOT_FOCUS_TRIES", 5)
SIMULATED_SPECIMEN = env.text("SIMULATED_SPECIMEN", "")
SIMULATED_FLAW_EVERY = env.whole("SIMULATED_FLAW_EVERY", 40)  # 2.5 % of the glass
BRIGHTFIELD_ENCODING = env.text("BRIGHTFIELD_ENCODING", "blosc")  # or "jpeg"; fluorescence is always lossless
SLIDE_KEY_ID = env.text("SLIDE_KEY_ID", "")  # seals new slides at rest; NOCTURNE_SLIDE_KEYS names the keys

# Quality control after each scan (docs/quality.md): beyond these a scan is not simply published
QUALITY_SHARP = env.number("QUALITY_SHARP", 0.5)  # a field below this score is blurred
QUALITY_BLURRED_SHARE = env.number("QUALITY_BLURRED_SHARE", 0.1)  # of the fields with tissue
QUALITY_SATURATED_SHARE = env.number("QUALITY_SATURATED_SHARE", 0.02)  # of the pixels of a channel
QUALITY_OUTSIDE_SHARE = env.number("QUALITY_OUTSIDE_SHARE", 0.03)  # of the tissue on the photograph
QUALITY_SEAM_UM = env.number("QUALITY_SEAM_UM", 10.0)  # by which neighbouring fields may disagree
QUALITY_RESCANS = env.whole("QUALITY_RESCANS", 1)  # how often a night scans a slide again by itself

PIPELINE = "config.pipeline.FOLLOWS"
BESIDE = "config.pipeline.BESIDE"
RECONCILERS = "config.pipeline.RECONCILERS"

# Celery: ids only, JSON only, short steps; the job's row decides, the broker is a doorbell (core.jobs)
CELERY_BROKER_URL = env.text("BROKER_URL", "redis://127.0.0.1:6379/0")
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 1800,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
}
CELERY_VISIBILITY_TIMEOUT = 1800
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_TIME_LIMIT = 600
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_BEAT_SCHEDULE = {
    **{
        f"canary-{queue}": {
            "task": "core.canary",
            "args": [queue],
            "schedule": 60.0,
            "options": {"queue": queue, "expires": 120},
        }
        for queue in ("default", *(f"scanner.{name}" for name in SCANNER_ENDPOINTS))
    },
    "reconcile": {"task": "core.reconcile", "schedule": 15.0, "options": {"expires": 30}},
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["core.roles.DenyUnlessDeclared"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_PAGINATION_CLASS": "core.api.Pages",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "EXCEPTION_HANDLER": "core.api.handle",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "PAGE_SIZE": 50,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Nocturne",
    "DESCRIPTION": "The scanning laboratory's verbs and questions.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "ENUM_NAME_OVERRIDES": {
        "StateEnum": "lims.states.State",
        "FailureReasonEnum": "lims.states.FailureReason",
        "AnnotationKindEnum": "annotation.models.Annotation.Kind",
        "DeidentifiedStateEnum": "deidentify.models.State",
    },
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

EMAIL_BACKEND = env.text("EMAIL_BACKEND", "django.core.mail.backends.console.EmailBackend")
EMAIL_HOST = env.text("MAIL_HOST", "localhost")
EMAIL_PORT = env.whole("MAIL_PORT", 25)
EMAIL_HOST_USER = env.text("MAIL_USER", "")
EMAIL_HOST_PASSWORD = env.text("MAIL_PASSWORD", "")
EMAIL_USE_TLS = env.flag("MAIL_TLS", False)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.text("MAIL_FROM", "nocturne@localhost")

# Alerts (docs/alerts.md): when, and where they go beside the pages
ALERT_NO_PROGRESS_MINUTES = env.number("ALERT_NO_PROGRESS_MINUTES", 10.0)
ALERT_FREE_GIB = env.number("ALERT_FREE_GIB", 10.0)
ALERT_FAILED_SHARE = env.number("ALERT_FAILED_SHARE", 0.2)  # of the slides that have ended
ALERT_FAILED_FROM = env.whole("ALERT_FAILED_FROM", 10)  # ended slides, before which a share means nothing
ALERT_MAIL_TO = env.words("ALERT_MAIL_TO", "")
ALERT_WEBHOOK_URL = env.text("ALERT_WEBHOOK_URL", "")
ALERT_WEBHOOK_SECRET = env.text("ALERT_WEBHOOK_SECRET", "")
DEAD_MAN_URL = env.text("DEAD_MAN_URL", "")  # asked every minute while all is well

# The morning report: to whom, at which hour of TZ, and where its links lead
MORNING_REPORT_TO = env.words("MORNING_REPORT_TO", "")
MORNING_REPORT_AT = env.whole("MORNING_REPORT_AT", 7)
SITE_URL = env.text("SITE_URL", "")

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": env.text("LOG_LEVEL", "INFO")},
    "loggers": {"django.request": {"level": "ERROR"}, "axes": {"level": "WARNING"}},
}
