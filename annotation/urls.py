from django.urls import path

from annotation import views

app_name = "annotation"
urlpatterns = [
    path("", views.worklist, name="worklist"),
    path("assignments/", views.assignments, name="assignments"),
    path("assignments/share/", views.share, name="share"),
    path("assignments/enrol/", views.enrol, name="enrol"),
    path("<int:pk>/", views.read, name="read"),
    path("<int:pk>/submit/", views.submit_slide, name="submit"),
    path("<int:pk>/return/", views.return_slide, name="return"),
    path("<int:pk>/complain/", views.complain_about, name="complain"),
    path("slides/<uuid:uid>/annotations.<str:form>", views.export, name="export"),
]
