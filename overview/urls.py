from django.urls import include, path

from overview import api, views

rooms = [
    path("figures/", views.figures, name="figures"),
    path("figures/slides/", views.behind, name="behind"),
    path("figures/<str:name>.csv", views.table, name="table"),
    path("slides/<path:barcode>/passport/", views.passport, name="passport"),
    path("api/slides/<path:barcode>/passport/", api.PassportView.as_view(), name="api-passport"),
]
urlpatterns = [
    path("", views.home, name="home"),
    path("", include((rooms, "overview"))),
]
