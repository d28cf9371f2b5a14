"""From a reviewed snapshot to a scan plan."""

import msgspec
import pytest

from lims.models import Slide
from lims.states import State
from microscope.errors import PlanInvalid
from microscope.messages import ScannerInfo
from scanning.models import ScanProfile, Snapshot
from scanning.plans import parameters_of, plan_for, profile_for
from tests.scanning.fakes import INFO
from tests.scanning.making import AREA, PLACES, night_with

pytestmark = pytest.mark.django_db
DEEP: ScannerInfo = msgspec.structs.replace(INFO, max_layers=25)


def snapshot(stain: str) -> Snapshot:
    night_with(State.READY)
    Slide.objects.update(stain=stain)
    return Snapshot.objects.select_related("slide", "profile").get()


def test_without_a_profile_every_colour_is_taken_once():
    plan = plan_for(snapshot("IF DAPI"), INFO)
    assert [channel.name for channel in plan.channels] == ["DAPI", "FITC"]
    assert (plan.layers, plan.times, plan.encoding, plan.modality) == (1, 1, "blosc", "fluorescence")
    assert (plan.area.x_um, len(plan.focus_points)) == (AREA["area_x_um"], len(PLACES))


def test_the_lowest_profile_in_use_that_fits_the_stain_is_its_own():
    ScanProfile.objects.create(name="all", stains=".", priority=50)
    ScanProfile.objects.create(name="old", stains="ihc", priority=1, active=False)
    ScanProfile.objects.create(name="IHC", stains="^ihc", priority=20)
    assert [profile_for(stain).name for stain in ("IHC Ki-67", "H&E")] == ["IHC", "all"]


def test_a_profile_says_layers_times_colours_and_encoding():
    ScanProfile.objects.create(
        name="IF", stains="^IF", layers=25, layer_step_um=0.5, times=3, colours="mosaic", channels=["FITC"],
        overlap=0.2,
    )  # fmt: skip
    plan = plan_for(snapshot("IF FITC"), DEEP)
    assert (plan.layers, plan.layer_step_um, plan.times, plan.colours) == (25, 0.5, 3, "mosaic")
    assert ([channel.name for channel in plan.channels], plan.overlap) == (["FITC"], 0.2)


@pytest.mark.parametrize(("stain", "encoding"), [("H&E", "jpeg"), ("IF DAPI", "blosc")])
def test_jpeg_is_for_brightfield(stain, encoding):
    ScanProfile.objects.create(name="small", stains=".", encoding="jpeg")
    assert plan_for(snapshot(stain), INFO).encoding == encoding


def test_the_choice_for_one_glass_goes_before_its_stain():
    ScanProfile.objects.create(name="usual", stains=".", priority=1)
    chosen = ScanProfile.objects.create(name="twice", stains="nothing", times=2)
    glass = snapshot("H&E")
    Snapshot.objects.update(profile=chosen)
    glass.refresh_from_db()
    assert plan_for(glass, INFO).times == 2


@pytest.mark.parametrize("wrong", [{"layers": 2}, {"channels": ["Cy7"]}])
def test_what_the_scanner_cannot_do_is_said(wrong):
    ScanProfile.objects.create(name="IF", stains="^IF", **wrong)
    with pytest.raises(PlanInvalid):
        plan_for(snapshot("IF DAPI"), INFO)


def test_adjustments_go_before_the_snapshot():
    changed = {"points": [[1, 2], [3, 4], [5, 9]], "area": [1, 2, 30, 40], "exposure": 0.6}
    plan = plan_for(snapshot("H&E"), INFO, changed)
    assert (len(plan.focus_points), plan.area.width_um, plan.exposure) == (3, 30, 0.6)
    dimmable = msgspec.structs.replace(INFO, capabilities=("exposure",))
    assert (parameters_of(plan, INFO)["exposure"], parameters_of(plan, dimmable)["exposure"]) == (None, 0.6)
