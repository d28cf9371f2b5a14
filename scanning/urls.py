from django.urls import path

from scanning import views

app_name = "scanning"
urlpatterns = [
    path("batches/<int:batch_id>/", views.night, name="night"),
    path("batches/<int:batch_id>/events/", views.night_events, name="night-events"),
    path("batches/<int:batch_id>/snapshots/", views.start_snapshots, name="start-snapshots"),
    path("batches/<int:batch_id>/accept-safe/", views.accept_safe, name="accept-safe"),
    path("batches/<int:batch_id>/start/", views.start_night, name="start-night"),
    path("batches/<int:batch_id>/pause/", views.pause, name="pause"),
    path("batches/<int:batch_id>/reviews/", views.reviews, name="reviews"),
    path("batches/<int:batch_id>/morning/", views.morning, name="morning"),
    path("snapshots/<int:snapshot_id>/", views.review, name="review"),
    path("snapshots/<int:snapshot_id>/save/", views.review_save, name="review-save"),
    path("snapshots/<int:snapshot_id>/refuse/", views.review_refuse, name="review-refuse"),
    path("snapshots/<int:snapshot_id>/macro.jpg", views.picture, {"which": "macro"}, name="macro"),
    path("snapshots/<int:snapshot_id>/label.png", views.picture, {"which": "label"}, name="label"),
    path("imports/", views.imports, name="imports"),
    path("imports/<int:file_id>/match/", views.import_match, name="import-match"),
    path("scanners/", views.scanner_list, name="scanners"),
    path("scanners/<slug:name>/lock/", views.scanner_lock, name="scanner-lock"),
]
