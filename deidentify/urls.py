"""The stewards' pages."""

from django.urls import path

from deidentify import reviews, views

app_name = "deidentify"
urlpatterns = [
    path("", views.items, name="list"),
    path("reports/of/<uuid:uid>/", views.report, name="report"),
    path("reviews/", reviews.worklist, name="reviews"),
    path("reviews/<int:pk>/", reviews.review, name="review"),
    path("reviews/<int:pk>/decide/", reviews.decide, name="decide"),
    path("<str:kind>/<int:pk>/", views.item, name="item"),
    path("<str:kind>/<int:pk>/again/", views.again, name="again"),
]
