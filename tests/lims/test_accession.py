import pytest

from core.errors import BadInput, Conflict
from core.models import AuditEntry
from lims import services
from lims.models import Case, Patient, Slide
from tests.lims.making import entry, slide

pytestmark = pytest.mark.django_db


def test_it_makes_the_whole_chain_of_the_record():
    one = services.register(entry=entry("B-1x", accession="S26-1", mrn="111"), actor="test")
    assert (one.case.accession, one.case.patient.mrn, one.block.label) == ("S26-1", "111", "A1")
    assert one.events.get().verb == "register"


def test_it_refuses_a_barcode_twice_and_writes_nothing():
    slide(barcode="B-1x")
    before = (Patient.objects.count(), Case.objects.count(), AuditEntry.objects.count())
    with pytest.raises(Conflict, match="registered already"):
        slide(barcode="B-1x")
    assert (Patient.objects.count(), Case.objects.count(), AuditEntry.objects.count()) == before


def test_it_refuses_an_mrn_with_another_name():
    slide(mrn="111", family_name="Nakamura")
    with pytest.raises(Conflict, match="another name"):
        slide(mrn="111", family_name="Moreau")


def test_it_refuses_a_case_of_another_patient():
    slide(accession="S26-1", mrn="111")
    with pytest.raises(Conflict, match="another patient"):
        slide(accession="S26-1", mrn="222")
    assert not Patient.objects.filter(mrn="222").exists()


def test_it_counts_duplicates_of_one_cut():
    numbers = [slide(accession="S26-1", mrn="111").duplicate for _ in range(3)]
    assert numbers == [0, 1, 2]


@pytest.mark.parametrize("bad", ["", "../etc", "a b", "=1+1", "x" * 65, "a/b", "ä1"])
def test_it_refuses_a_barcode_that_is_none(bad: str) -> None:
    with pytest.raises(BadInput):
        services.register(entry=entry(accession="S26-9").__class__(bad, "S26-9", "9", "Ray"), actor="test")
    assert not Slide.objects.exists()


def test_it_registers_many_or_none():
    two = [entry("B-1x"), entry("B-2x")]
    with pytest.raises(Conflict):
        services.register_all(entries=[*two, entry("B-1x")], source="x.csv", actor="test")
    assert not Slide.objects.exists()
    assert len(services.register_all(entries=two, source="x.csv", actor="test")) == 2


def test_it_keeps_one_report_for_a_case():
    case = slide().case
    services.attach_report(case=case, name="r.docx", content=b"one", actor="test")
    with pytest.raises(Conflict):
        services.attach_report(case=case, name="r.docx", content=b"two", actor="test")
    assert case.report.file.read() == b"one"
    case.report.file.close()
