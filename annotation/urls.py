from django.urls import path

from annotation import transfers
from annotation.views import lists, reading, rota, studies

app_name = "annotation"
urlpatterns = [
    path("", lists.worklist, name="worklist"),
    path("take/", lists.take, name="take"),
    path("assignments/", rota.assignments, name="assignments"),
    path("assignments/share/", rota.share, name="share"),
    path("assignments/enrol/", rota.enrol, name="enrol"),
    path("readers/<int:pk>/", rota.reader, name="reader"),
    path("readers/<int:pk>/leave/", rota.leave, name="leave"),
    path("leave/<int:pk>/cancel/", rota.cancel_leave, name="leave-cancel"),
    path("studies/new/", studies.new_study, name="study-new"),
    path("studies/<int:pk>/", studies.study, name="study"),
    path("<int:pk>/", reading.read, name="read"),
    path("<int:pk>/submit/", reading.submit_slide, name="submit"),
    path("<int:pk>/return/", reading.return_slide, name="return"),
    path("<int:pk>/complain/", reading.complain_about, name="complain"),
    path("<int:pk>/sitting/", reading.sitting, name="sitting"),
    path("<int:pk>/delegate/", lists.delegate, name="delegate"),
    path("<int:pk>/recuse/", lists.recuse, name="recuse"),
    path("<int:pk>/opinion/", lists.ask, name="opinion"),
    path("<int:pk>/view/", lists.view, name="view"),
    *transfers.urls,
]
