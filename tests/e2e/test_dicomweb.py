"""DICOMweb of a link, asked by a client that others wrote: what it gets is what stands in the archive."""

import asyncio
from typing import Any

import httpx
import psycopg
import pytest
from pydicom import Dataset
from pydicom.dataset import FileDataset
from pydicom.encaps import generate_frames
from pydicom.uid import RLELossless
from tests.e2e.shown import (
    Shown,
    connection,
    database,
    database_url,
    migrated,
    postgres_server,
    queue_watch,
    radosgw,
    shown,
)
from tests.peers.house import ACCESSION, PATIENT
from tests.peers.studies import planted, spellings

from studypub.flows.companion import Companions
from studypub.flows.restore import reconcile

__all__ = ["connection", "database", "database_url", "migrated", "postgres_server", "queue_watch", "radosgw", "shown"]

# PS3.18 8.3.5
MALFORMED = (
    "window=40",
    "window=40,400",
    "window=40,400,cubic",
    "window=40,0,linear",
    "window=40,-1,linear",
    "window=nan,400,linear",
    "window=40,400,linear,1",
    "window=",
    "viewport=100",
    "viewport=0,100",
    "viewport=100,-1",
    "viewport=1.5,2",
    "viewport=4097,1",
    "viewport=10,10,0,0,5,5",
    "quality=0",
    "quality=101",
    "quality=high",
)


def _json(dataset: Dataset) -> dict[str, Any]:
    dataset = Dataset({tag: element for tag, element in dataset.items() if tag != 0x7FE00010})
    found: dict[str, Any] = dataset.to_json_dict(bulk_data_threshold=1 << 30)
    return found


def _frames(dataset: FileDataset) -> list[bytes]:
    count = int(dataset.get("NumberOfFrames", 1))
    if dataset.file_meta.TransferSyntaxUID.is_encapsulated:
        return list(generate_frames(dataset.PixelData, number_of_frames=count))
    size = dataset.Rows * dataset.Columns * dataset.BitsAllocated // 8
    return [dataset.PixelData[size * frame : size * (frame + 1)] for frame in range(count)]


@pytest.mark.parametrize(
    "shown", ["local", pytest.param("s3", marks=pytest.mark.peer), "tar.zst", "iso"], indirect=True
)
async def test_all_that_a_client_is_told_and_given_stands_in_the_archive(shown: Shown) -> None:
    await asyncio.to_thread(_compare, shown)


def _compare(shown: Shown) -> None:
    client = shown.client
    (found,) = client.search_for_studies()
    uid = found["0020000D"]["Value"][0]
    assert uid == str(next(iter(shown.archived.values()))[0].StudyInstanceUID)
    assert found["00201208"]["Value"] == [len(shown.archived)]
    series = {one["0020000E"]["Value"][0]: one["00201209"]["Value"][0] for one in client.search_for_series(uid)}
    assert len(series) == 3
    listed = {one["00080018"]["Value"][0] for one in client.search_for_instances(uid)}
    assert listed == shown.archived.keys()
    told = {one["00080018"]["Value"][0]: one for one in client.retrieve_study_metadata(uid)}
    assert told.keys() == listed
    for of_series, count in series.items():
        own = [one for one in told.values() if one["0020000E"]["Value"] == [of_series]]
        assert len(own) == count
        assert client.retrieve_series_metadata(uid, of_series) == own
        found_in = {one["00080018"]["Value"][0] for one in client.search_for_instances(uid, of_series)}
        assert found_in == {one["00080018"]["Value"][0] for one in own}
    some = [one["00080018"]["Value"][0] for one in client.search_for_instances(uid, limit=3, offset=68)]
    assert some == list(told)[68:71]
    (named,) = client.search_for_instances(uid, search_filters={"SOPInstanceUID": some[0]})
    assert named["00080018"]["Value"] == some[:1]
    for number, (instance, (dataset, file)) in enumerate(shown.archived.items()):
        bulk = told[instance].pop("7FE00010")["BulkDataURI"]
        assert bulk.startswith(f"{shown.root}/studies/{uid}/series/{dataset.SeriesInstanceUID}/instances/{instance}/")
        assert told[instance] == _json(dataset)
        if number % 8 and dataset.Modality == "CT" and not dataset.file_meta.TransferSyntaxUID.is_encapsulated:
            continue
        of_series = str(dataset.SeriesInstanceUID)
        alone = client.retrieve_instance_metadata(uid, of_series, instance)
        assert alone.pop("7FE00010")["BulkDataURI"] == bulk
        assert alone == told[instance]
        wanted = _frames(dataset)
        encapsulated = dataset.file_meta.TransferSyntaxUID.is_encapsulated
        assert client.retrieve_bulkdata(bulk) == (wanted if encapsulated else [dataset.PixelData])
        syntax = dataset.file_meta.TransferSyntaxUID
        every = client.retrieve_instance_frames(uid, of_series, instance, [*range(1, len(wanted) + 1)])
        assert [one.ljust(len(two), b"\0") for one, two in zip(every, wanted, strict=True)] == wanted
        kind = "image/dicom-rle" if syntax == RLELossless else "application/octet-stream"
        last = client.retrieve_instance_frames(
            uid, of_series, instance, [len(wanted)], media_types=((kind, str(syntax)),)
        )
        assert last == every[-1:]
        whole = client.retrieve_instance(uid, of_series, instance, media_types=(("application/dicom", "*"),))
        assert whole.SOPInstanceUID == instance
        url = f"{shown.root}/studies/{uid}/series/{of_series}/instances/{instance}"
        bare = httpx.get(url, headers={"Accept": "application/dicom"})
        assert bare.content == file
        single = httpx.get(f"{url}/frames/1", headers={"Accept": kind})
        assert single.content == every[0]
        # Without it viewers show compressed frames as noise.
        for answer, of_type in ((bare, "application/dicom"), (single, kind)):
            assert answer.headers["content-type"] == f"{of_type}; transfer-syntax={syntax}"
        assert (
            f"\r\nContent-Type: {kind}; transfer-syntax={syntax}\r\n".encode() in httpx.get(f"{url}/frames/1").content
        )
    assert len(client.retrieve_series(uid, max(series, key=series.__getitem__))) == 70


@pytest.mark.parametrize("shown", ["local"], indirect=True)
async def test_nothing_else_is_there_and_what_is_ends_with_the_link(
    shown: Shown, connection: psycopg.Connection
) -> None:
    dataset, _ = next(iter(shown.archived.values()))
    study, series, instance = dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID
    whole = f"{shown.root}/studies/{study}/series/{series}/instances/{instance}"
    async with httpx.AsyncClient() as client:
        for path, status in {
            f"studies/1.2.3/series/{series}/metadata": 404,
            f"studies/{study}/series/1.2.3/metadata": 404,
            f"studies/{study}/series/{series}/instances/1.2.3": 404,
            f"studies/{shown.originals[0].StudyInstanceUID}/metadata": 404,
            f"studies/{study}/series/{series}/instances/{instance}/frames/2": 404,
            f"studies/{study}/series/{series}/instances/{instance}/frames/0": 400,
            f"studies/{study}/series/{series}/instances/{instance}/frames/1,x": 400,
            f"studies/1.2.3/series/{series}/instances/{instance}/rendered": 404,
            f"studies/{study}/series/1.2.3/instances/{instance}/rendered": 404,
            f"studies/{study}/series/{series}/instances/1.2.3/thumbnail": 404,
            "studies/1.2.3/thumbnail": 404,
            f"studies/{study}/series/{series}/instances/{instance}/frames/2/rendered": 404,
            f"studies/{study}/series/{series}/instances/{instance}/frames/x/thumbnail": 400,
            f"studies/1.2.3/series/{series}/instances/{instance}/bulkdata/7FE00010": 404,
            f"studies/{study}/series/{series}/instances/{instance}/bulkdata/00420011": 404,
            f"studies/{study}/series/{series}/instances/{instance}/bulkdata/PixelData": 404,
            "studies/..%2f..%2f/metadata": 404,
            "studies/%00/metadata": 404,
        }.items():
            answer = await client.get(f"{shown.root}/{path}")
            assert answer.status_code == status, path
            assert "html" not in answer.headers["content-type"]
        assert (await client.get(f"{whole}/frames/1", headers={"Accept": "text/html"})).status_code == 406
        assert (await client.get(f"{whole}/metadata", headers={"Accept": "image/jpeg"})).status_code == 406
        for query in MALFORMED:
            assert (await client.get(f"{whole}/rendered?{query}")).status_code == 400, query
        assert (await client.get(f"{whole}/rendered?accept=video/mp4")).status_code == 406
        other = {"StudyInstanceUID": "1.2.3"}
        assert (await client.get(f"{shown.root}/studies", params=other)).json() == []
        every = [whole, f"{shown.root}/studies"]
        every += [f"{whole}/{what}" for what in ("frames/1", "metadata", "rendered", "frames/1/rendered", "thumbnail")]
        every.append(f"{whole}/bulkdata/7FE00010")
        for pin_hash, status in (("$argon2id$of-some-pin", 403), (None, 200)):
            connection.execute("UPDATE published_studies SET pin_hash = %s", (pin_hash,))
            assert {(await client.get(url)).status_code for url in every} == {status}
        large = {"viewport": "1200,1200", "accept": "image/png"}
        crowd = await asyncio.gather(*(client.get(f"{whole}/rendered", params=large, timeout=120) for _ in range(24)))
        assert {answer.status_code for answer in crowd} == {200, 503}
        assert {answer.headers.get("retry-after") for answer in crowd if answer.status_code == 503} == {"2"}
        connection.execute("UPDATE published_studies SET save_till = now()")
        assert {(await client.get(url)).status_code for url in every} == {410}


@pytest.mark.parametrize("shown", ["local"], indirect=True)
async def test_x13_nothing_that_was_planted_is_in_the_companion(shown: Shown) -> None:
    companion = shown.publication.companion
    assert companion is not None
    parts = Companions(shown.house.store).table(companion)
    contents = [shown.house.store.read(companion.key, 0, companion.size)]
    async with httpx.AsyncClient() as client:
        contents += [name.encode() for name in parts]
        study = next(iter(shown.archived.values()))[0].StudyInstanceUID
        contents.append((await client.get(f"{shown.root}/studies/{study}/metadata")).content)
        contents.append((await client.get(f"{shown.root}/studies")).content)
    found = {
        text
        for text in [*planted(shown.originals[:70]), PATIENT, ACCESSION]
        for spelling in spellings(text)
        if any(spelling in content for content in contents)
    }
    assert found == set()


@pytest.mark.parametrize("shown", ["local"], indirect=True)
async def test_f63_a_publication_goes_on_without_a_companion_that_was_lost(shown: Shown) -> None:
    house, companion = shown.house, shown.publication.companion
    assert companion is not None
    house.store.delete(companion.key)
    found = await reconcile(house.database, house.store, collect=False, actor="test")
    assert (found.closed, found.strangers) == ((), ())
    opened = (await house.opened(shown.publication)).publication
    assert opened is not None
    assert opened.companion is None
    async with httpx.AsyncClient() as client:
        assert (await client.get(f"{shown.root}/studies")).status_code == 404
        assert (await client.head(f"{shown.root.removesuffix('/dicomweb')}/download")).status_code == 200
