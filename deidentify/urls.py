"""The stewards' pages."""

from django.urls import path

from deidentify import regions, reviews, views

app_name = "deidentify"
urlpatterns = [
    path("", views.items, name="list"),
    path("reports/of/<uuid:uid>/", views.report, name="report"),
    path("reviews/", reviews.worklist, name="reviews"),
    path("reviews/<int:pk>/", reviews.review, name="review"),
    path("reviews/<int:pk>/decide/", reviews.decide, name="decide"),
    path("slides/<int:pk>/cover/", regions.cover, name="cover"),
    path("slides/<int:pk>/cover/add/", regions.add, name="cover-add"),
    path("slides/<int:pk>/cover/<int:region>/take-back/", regions.take_back, name="cover-take-back"),
    path("<str:kind>/<int:pk>/", views.item, name="item"),
    path("<str:kind>/<int:pk>/again/", views.again, name="again"),
]
