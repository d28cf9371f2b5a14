"""The stewards' pages."""

from django.urls import path

from deidentify import views

app_name = "deidentify"
urlpatterns = [
    path("", views.items, name="list"),
    path("reports/of/<uuid:uid>/", views.report, name="report"),
    path("<str:kind>/<int:pk>/", views.item, name="item"),
    path("<str:kind>/<int:pk>/again/", views.again, name="again"),
]
