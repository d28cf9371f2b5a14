"""A journal that was cut by a disk, not by us: the service starts, says what is safe, and the scan brings
the rest again.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from tests.faults.service import Service
from tests.vslide.slides import Specimen, make_header, make_specimen
from vslide.client import SlideService
from vslide.journal import recover
from vslide.sink import ProxySink
from wire import RemoteError

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    service = Service(tmp_path / "store")
    yield service
    service.stop()


def send(client: SlideService, specimen: Specimen, fence: int, share: float = 1.0) -> int:
    """Open the run with this fence and send what is not safe yet; how many planes were safe already."""
    header, planes = specimen.header, specimen.planes()
    opened = client.open_run(
        run_id=header.run_id, slide_id=header.slide_id, fence=fence, header=header, planned=len(planes)
    )
    with ProxySink(opened.proxy, header.run_id, fence) as sink:
        for plane in planes[: int(share * len(planes))]:
            if (plane.key, plane.channel) not in sink.durable:
                sink.put(plane)
        sink.flush(20)
        return len(sink.durable)


def finished(client: SlideService, specimen: Specimen) -> str:
    run_id = specimen.header.run_id
    client.finish(run_id, 2)
    while (status := client.ask(run_id)).state == "finalising":
        time.sleep(0.05)
    assert status.state == "verified", status.error
    return status.path


@pytest.mark.parametrize("seed", range(3))
def test_a_scan_goes_on_after_its_journal_was_cut_at_any_byte(service: Service, seed: int):
    specimen = make_specimen(make_header(rows=3, columns=3), seed)
    with SlideService(service.endpoint) as client:
        send(client, specimen, fence=1, share=0.8)
    service.kill()
    (journal,) = (service.root / "journals").glob("run-*/seg-*.journal")
    whole = journal.read_bytes()
    journal.write_bytes(whole[: Random(seed).randrange(len(whole))])
    service.start()
    with SlideService(service.endpoint) as client:
        safe = send(client, specimen, fence=2)
        assert 0 <= safe <= int(0.8 * len(specimen.pixels))
        assert Path(finished(client, specimen)).is_file()


@pytest.mark.parametrize("name", ["run.json", "result.json"])
def test_a_broken_note_of_one_run_is_said_and_harms_no_other(service: Service, name: str):
    broken, whole = (make_specimen(make_header(rows=2, columns=2)) for _ in range(2))
    with SlideService(service.endpoint) as client:
        for specimen in (broken, whole):
            send(client, specimen, fence=1, share=0.5)
    service.kill()
    directory = service.root / "journals" / f"run-{broken.header.run_id}"
    (directory / name).write_bytes(b'{"half')
    service.start()
    with SlideService(service.endpoint) as client:
        assert send(client, whole, fence=2) == len(whole.pixels) // 2
        assert Path(finished(client, whole)).is_file()
        with pytest.raises(RemoteError) as refused:
            client.ask(broken.header.run_id)
    assert refused.value.code == "damaged"
    assert len(recover(directory).planes) == len(broken.pixels) // 2  # all that was safe still is
