"""Addresses of the record, below /lab/."""

from django.urls import path

from lims.views import accession, batches, cases, chain, slides

app_name = "lims"
urlpatterns = [
    path("slides/", slides.slide_list, name="slides"),
    path("slides/<str:barcode>/", slides.slide_page, name="slide"),
    path("slides/<str:barcode>/move/", slides.slide_move, name="slide-move"),
    path("register/", accession.register, name="register"),
    path("import/", accession.import_file, name="import"),
    path("import/commit/", accession.import_commit, name="import-commit"),
    path("import/refused/", accession.import_refused, name="import-refused"),
    path("import/template/", accession.import_template, name="import-template"),
    path("cases/", cases.case_list, name="cases"),
    path("cases/<str:accession>/", cases.case_page, name="case"),
    path("cases/<str:accession>/report/", cases.case_report, name="case-report"),
    path("batches/", batches.batch_list, name="batches"),
    path("batches/create/", batches.batch_create, name="batch-create"),
    path("batches/<int:pk>/", batches.batch_page, name="batch"),
    path("batches/<int:pk>/live/", batches.batch_fragment, name="batch-fragment"),
    path("batches/<int:pk>/load/", batches.batch_load, name="batch-load"),
    path("batches/<int:pk>/unload/", batches.batch_unload, name="batch-unload"),
    path("batches/<int:pk>/file/", batches.batch_load_file, name="batch-load-file"),
    path("batches/<int:pk>/rescan/", batches.batch_rescan, name="batch-rescan"),
    path("batches/<int:pk>/pull-list/", batches.pull_list, name="pull-list"),
    path("audit/", chain.audit_page, name="audit"),
]
