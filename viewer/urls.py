from django.urls import include, path

from viewer import views
from viewer.api import detection, iiif, pictures, signing, stored

# Everything that shows pixels; the same addresses stand once more below a signed one.
pixels = [
    path("<uuid:uid>/header.json", stored.HeaderView.as_view(), name="header"),
    path("<uuid:uid>/histogram.json", stored.HistogramView.as_view(), name="histogram"),
    path("<uuid:uid>/chunks", stored.ChunksView.as_view(), name="chunks"),
    path("<uuid:uid>/tile/<int:level>/<int:column>/<int:row>.jpg", pictures.TileView.as_view(), name="tile"),
    path("<uuid:uid>/thumbnail.jpg", pictures.ThumbnailView.as_view(), name="thumbnail"),
    path("<uuid:uid>/region.<str:kind>", pictures.RegionView.as_view(), name="region"),
    path("<uuid:uid>.dzi", pictures.DeepZoomView.as_view(), name="deep-zoom"),
    path(
        "<uuid:uid>_files/<int:level>/<int:column>_<int:row>.<str:kind>",
        pictures.DeepZoomTileView.as_view(),
        name="deep-zoom-tile",
    ),
    path("<uuid:uid>/detectors.json", detection.DetectorsView.as_view(), name="detectors"),
    path("<uuid:uid>/detect/<str:name>.json", detection.FoundView.as_view(), name="detect"),
    path(
        "<uuid:uid>/detect/<str:name>/<int:level>/<int:column>/<int:row>.png",
        detection.OverlayView.as_view(),
        name="detect-tile",
    ),
    path("iiif/<uuid:uid>", iiif.BaseView.as_view(), name="iiif"),
    path("iiif/<uuid:uid>/info.json", iiif.InfoView.as_view(), name="iiif-info"),
    path(
        "iiif/<uuid:uid>/<str:region>/<str:size>/<str:rotation>/<str:quality>.<str:kind>",
        iiif.ImageView.as_view(),
        name="iiif-image",
    ),
]

app_name = "viewer"
urlpatterns = [
    path("<uuid:uid>/", views.slide_page, name="slide"),
    path("<uuid:uid>/beside/<uuid:other>/", views.beside_page, name="beside"),
    path("<uuid:uid>/sign", signing.SignView.as_view(), name="sign"),
    *pixels,
    path("signed/<str:token>/", include((pixels, "signed"))),
]
