from django.urls import path

from viewer import api, views

app_name = "viewer"
urlpatterns = [
    path("<uuid:uid>/", views.slide_page, name="slide"),
    path("<uuid:uid>/header.json", api.HeaderView.as_view(), name="header"),
    path("<uuid:uid>/histogram.json", api.HistogramView.as_view(), name="histogram"),
    path("<uuid:uid>/chunks", api.ChunksView.as_view(), name="chunks"),
    path("<uuid:uid>/tile/<int:level>/<int:column>/<int:row>.jpg", api.TileView.as_view(), name="tile"),
    path("<uuid:uid>/thumbnail.jpg", api.ThumbnailView.as_view(), name="thumbnail"),
]
