"""DICOM annotations: read by another program, written by another program, and hostile ones."""

import json
from collections import Counter
from io import BytesIO

import highdicom as hd
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from pydicom import dcmread
from pydicom.sr.coding import Code
from pydicom.uid import DeflatedExplicitVRLittleEndian

from annotation.exchange import (
    Document,
    ExchangeError,
    Image,
    Layer,
    NotReadable,
    Property,
    Shape,
    UnsupportedFormat,
    image_of,
    read,
    read_image,
    write,
)
from tests.annotation.exchanging import EXAMPLES, real
from tests.vslide.slides import brightfield, make_specimen, publish
from vslide.__main__ import main

SLIDE = "9a3c5b0e-0000-4000-8000-000000000007"
NUCLEUS = Code("84640000", "SCT", "Nucleus")
ALL = Document(tuple(EXAMPLES.values()), (Layer("tumour", "tumour", "#ff8000"),), 0.25)


def parsed(document: Document, target: str):
    return dcmread(BytesIO(write(document, target, image_of(SLIDE)).content))


def test_another_program_reads_bulk_annotations():
    groups = hd.ann.MicroscopyBulkSimpleAnnotations.from_dataset(parsed(ALL, "dicom")).get_annotation_groups()
    found = Counter((group.label, group.graphic_type.value) for group in groups)
    assert {("tumour", "POINT"), ("tumour: holes", "POLYGON"), ("tumour: cut out", "POLYGON")} <= set(found)
    ellipse = next(group for group in groups if group.graphic_type.value == "ELLIPSE")
    assert ellipse.get_graphic_data("2D")[0].tolist() == [[140, 80], [60, 80], [100, 100], [100, 60]]
    measured = next(group for group in groups if group.get_measurements()[0])
    assert np.nansum(measured.get_measurements()[1]) == 20.5


def test_another_program_reads_the_structured_report():
    report = hd.sr.Comprehensive3DSR.from_dataset(parsed(ALL, "dicom-sr"))
    groups = hd.sr.MeasurementReport.from_sequence([report]).get_planar_roi_measurement_groups()
    assert len(groups) >= len(ALL.shapes)
    assert {group.finding_type.meaning for group in groups if group.finding_type} == {
        "tumour",
        "tumour: holes",
        "tumour: cut out",
    }
    assert groups[0].roi is not None
    assert groups[0].roi.value.tolist() == [[10, 10], [50, 10], [50, 50], [10, 50], [10, 10]]
    assert len({group.tracking_uid for group in groups}) == len(groups)


@pytest.mark.parametrize("target", ["dicom", "dicom-sr"])
def test_it_refers_to_the_slide_and_names_nobody(target):
    data = parsed(ALL, target)
    assert (str(data.PatientName), data.PatientID, data.ContentDate) == ("", SLIDE, "19000101")
    assert image_of(SLIDE).instance in str(data)
    again = write(ALL, target, image_of(SLIDE)).content
    assert again == write(ALL, target, image_of(SLIDE)).content
    assert data.SOPInstanceUID != parsed(Document(ALL.shapes[:1]), target).SOPInstanceUID


def test_without_an_image_it_says_so():
    written = write(ALL, "dicom")
    assert "No image was named: the file refers to one that does not exist." in written.notes


def test_it_refers_to_an_exported_slide(tmp_path):
    slide = publish(tmp_path, make_specimen(brightfield())).path
    assert main(["export", str(slide), str(tmp_path / "out"), "--format", "dicom"]) == 0
    image = read_image(tmp_path / "out")
    largest = max(
        (dcmread(file) for file in (tmp_path / "out").glob("*.dcm")), key=lambda d: d.TotalPixelMatrixRows
    )
    assert (image.instance, image.width) == (largest.SOPInstanceUID, largest.TotalPixelMatrixColumns)
    data = dcmread(BytesIO(write(ALL, "dicom", image).content))
    assert (data.StudyInstanceUID, data.PatientID) == (largest.StudyInstanceUID, largest.PatientID)
    hd.ann.MicroscopyBulkSimpleAnnotations.from_dataset(data)
    with pytest.raises(NotReadable):
        read_image(slide)


def group(graphic, points, number=1, **more):
    return hd.ann.AnnotationGroup(
        number=number, uid=hd.UID(), label=f"group {number}", annotated_property_category=NUCLEUS,
        annotated_property_type=NUCLEUS, graphic_type=graphic, algorithm_type="MANUAL",
        graphic_data=[np.array(p, float) for p in points], **more,
    )  # fmt: skip


def by_highdicom(groups, coordinates="2D"):
    source = parsed(Document((EXAMPLES[Property.POINT],)), "dicom")
    source.PatientBirthDate = source.StudyDate = "19000101"
    source.StudyTime, source.FrameOfReferenceUID = "000000", "1.2.3"
    source.SOPClassUID = hd.UID("1.2.840.10008.5.1.4.1.1.77.1.6")
    source.PatientSex, source.Modality = "O", "SM"
    made = hd.ann.MicroscopyBulkSimpleAnnotations(
        source_images=[source], annotation_coordinate_type=coordinates, annotation_groups=groups,
        series_instance_uid=hd.UID(), series_number=1, sop_instance_uid=hd.UID(), instance_number=1,
        manufacturer="m", manufacturer_model_name="n", software_versions="1", device_serial_number="1",
    )  # fmt: skip
    stream = BytesIO()
    made.save_as(stream)
    return stream.getvalue()


def test_it_reads_what_another_program_wrote():
    area = hd.ann.Measurements(
        Code("42798000", "SCT", "Area"), np.array([np.nan, 7.5]), Code("um2", "UCUM", "um2")
    )
    triangles = [[[0, 0], [4, 0], [0, 4]], [[10, 0], [14, 0], [10, 4], [9, 2]]]
    drawn = read(
        by_highdicom(
            [
                group("POLYGON", triangles, measurements=[area]),
                group("ELLIPSE", [[[10, 5], [0, 5], [5, 8], [5, 2]]], 2),
                group("RECTANGLE", [[[0, 0], [4, 0], [4, 3], [0, 3]]], 3),
                group("POLYLINE", [[[0, 0], [4, 0]]], 4),
            ]
        )
    )
    assert [shape.kind for shape in drawn.shapes] == ["polygon", "polygon", "ellipse", "rectangle", "line"]
    assert drawn.shapes[1].geometry["coordinates"] == [[*triangles[1], triangles[1][0]]]
    assert drawn.shapes[1].extra["dicom"]["measurements"][0]["value"] == 7.5
    assert drawn.shapes[0].extra == {}
    assert [layer.name for layer in drawn.layers] == ["group 1", "group 2", "group 3", "group 4"]
    assert read(write(drawn, "dicom").content) == drawn


def test_three_dimensions_are_refused_in_words():
    with pytest.raises(UnsupportedFormat, match="pixel matrix"):
        read(by_highdicom([group("POINT", [[[1, 2, 3]]])], coordinates="3D"))


def test_a_report_of_another_program_is_read():
    data = parsed(ALL, "dicom-sr")
    del data[0x00770010], data[0x00771001]
    stream = BytesIO()
    data.save_as(stream)
    drawn = read(stream.getvalue())
    assert {shape.label for shape in drawn.shapes} == {"tumour", "tumour: holes", "tumour: cut out"}
    assert "looks odd" in {shape.comment for shape in drawn.shapes}
    assert {"polygon", "ellipse", "point", "line"} == {shape.kind for shape in drawn.shapes}


def test_a_group_that_another_program_changed_counts_as_it_is():
    data = parsed(ALL, "dicom")
    one = next(group for group in data.AnnotationGroupSequence if group.GraphicType == "POINT")
    before = one.NumberOfAnnotations
    one.NumberOfAnnotations = before + 1
    one.DoublePointCoordinatesData += np.array([5.0, 6.0]).tobytes()
    stream = BytesIO()
    data.save_as(stream)
    points = [shape for shape in read(stream.getvalue()).shapes if shape.kind == "point"]
    assert [5.0, 6.0] in [shape.geometry["coordinates"] for shape in points]
    assert len(points) == before + 1


def test_a_file_that_grows_when_opened_is_not_opened():
    data = parsed(ALL, "dicom")
    data.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    stream = BytesIO()
    data.save_as(stream)
    with pytest.raises(UnsupportedFormat, match="transfer syntax"):
        read(stream.getvalue())


BROKEN = {
    "LongPrimitivePointIndexList": np.array([1, 1], "<u4").tobytes(),
    "DoublePointCoordinatesData": np.array([1.0, np.nan, 2.0, 3.0]).tobytes(),
    "NumberOfAnnotations": 7,
    "GraphicType": "STAR",
}


@pytest.mark.parametrize("keyword", BROKEN)
def test_it_refuses_groups_that_say_nonsense(keyword):
    data = parsed(Document((EXAMPLES[Property.OUTLINE], EXAMPLES[Property.FREEHAND])), "dicom")
    setattr(data.AnnotationGroupSequence[0], keyword, BROKEN[keyword])
    stream = BytesIO()
    data.save_as(stream)
    with pytest.raises(NotReadable):
        read(stream.getvalue())


SMALL = write(Document((EXAMPLES[Property.HOLES], EXAMPLES[Property.POINT])), "dicom").content
REPORT = write(Document((EXAMPLES[Property.HOLES], EXAMPLES[Property.POINT])), "dicom-sr").content


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(data=some.data(), whole=some.sampled_from([SMALL, REPORT]))
def test_no_broken_file_breaks_the_reader(data, whole):
    changed = bytearray(whole)
    for _ in range(data.draw(some.integers(1, 6))):
        changed[data.draw(some.integers(132, len(whole) - 1))] = data.draw(some.integers(0, 255))
    cut = data.draw(some.integers(132, len(whole)))
    try:
        found = read(bytes(changed[:cut]))
    except ExchangeError:
        return
    assert all(isinstance(shape, Shape) for shape in found.shapes)


def test_the_real_file_keeps_its_codes_and_measurements_and_loses_its_patient():
    given_ = read(real("sm_annotations.dcm"))
    content = write(given_, "dicom").content
    again = dcmread(BytesIO(content))
    assert again.AnnotationGroupSequence[0].AnnotationPropertyTypeCodeSequence[0].CodeMeaning == "Nucleus"
    assert b"Test^Patient" not in content
    assert b"AA01" not in content
    assert json.dumps(given_.extra).count("1.2.826") >= 3  # the image it lies on
    assert isinstance(image_of("x"), Image)
