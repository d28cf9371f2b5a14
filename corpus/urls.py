from django.urls import path

from corpus import names, views

app_name = "corpus"
urlpatterns = [
    path("", views.releases, name="releases"),
    path("create/", views.create, name="release-create"),
    path("search/", views.search, name="search"),
    path("names/", names.names, name="names"),
    path("names/keep/", names.keep, name="names-keep"),
    path("withdrawals/", views.withdrawals, name="withdrawals"),
    path("<int:number>/", views.release, name="release"),
    path("<int:number>/approve/", views.approve, name="release-approve"),
    path("<int:number>/discard/", views.discard, name="release-discard"),
    path("<int:number>/files/<path:path>", views.file, name="release-file"),
]
