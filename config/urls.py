"""Every room's door."""

from django.contrib.auth import views as auth
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from config.api import router
from core.roles import EVERYONE, for_roles

handler400 = "core.views.bad_request"
handler403 = "core.views.not_allowed"
handler404 = "core.views.not_found"
handler500 = "core.views.broken"

urlpatterns = [
    path("login/", auth.LoginView.as_view(template_name="core/login.html"), name="login"),
    path("logout/", auth.LogoutView.as_view(), name="logout"),
    path("", include("overview.urls")),
    path("lab/", include("lims.urls")),
    path("scan/", include("scanning.urls")),
    path("viewer/", include("viewer.urls")),
    path("reading/", include("annotation.urls")),
    path("deidentify/", include("deidentify.urls")),
    path("corpus/", include("corpus.urls")),
    path("api/", include((router.urls, "api"))),
    path(
        "api/schema/",
        SpectacularAPIView.as_view(permission_classes=[for_roles(*EVERYONE)]),
        name="schema",
    ),
    path(
        "api/docs/",
        SpectacularSwaggerSplitView.as_view(url_name="schema", permission_classes=[for_roles(*EVERYONE)]),
        name="api-docs",
    ),
]
