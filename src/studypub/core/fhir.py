"""What a publication is as resources of FHIR R4: an ImagingStudy, a Bundle of them, what went wrong."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import tzinfo
from typing import Any, NamedTuple

from studypub.core.publication import Publication, link

MEDIA_TYPE = "application/fhir+json"
VERSION = "4.0.1"

Resource = dict[str, Any]

_DICOM_CODES = "http://dicom.nema.org/resources/ontology/DCM"
_IDENTIFIER_TYPES = "http://terminology.hl7.org/CodeSystem/v2-0203"
_ENDPOINT_TYPES = "http://terminology.hl7.org/CodeSystem/endpoint-connection-type"
_URI = "urn:ietf:rfc:3986"
_SHORTENED = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}


class Instance(NamedTuple):
    """An image of the published study."""

    uid: str
    sop_class: str


class Series(NamedTuple):
    """A series of the published study; `size` images, and which, where that was looked up."""

    uid: str
    number: int | None
    modality: str
    description: str
    size: int
    images: Sequence[Instance] = ()


class Study(NamedTuple):
    """What the published images say of themselves."""

    uid: str
    series: Sequence[Series]


def imaging_study(
    publication: Publication, study: Study | None, *, base_url: str, zone: tzinfo, shortened: bool = False
) -> Resource:
    """Return the ImagingStudy of an open publication; `study` None where nobody wrote down what is in it.

    Patient and accession number are those that the MIS asked for; everything else is of the de-identified images.
    `shortened`: single images are left out, and it says so.
    """
    uid = [{"system": "urn:dicom:uid", "value": f"urn:oid:{study.uid}"}] if study else []
    resource: Resource = {
        "resourceType": "ImagingStudy",
        "id": str(publication.study_id),
        "meta": {"lastUpdated": publication.upload_date.astimezone(zone).isoformat(timespec="milliseconds")},
        "identifier": [*uid, _numbered("ACSN", publication.accession_number)],
        "status": "available",
        "modality": [_modality(code) for code in publication.modalities],
        "subject": {"type": "Patient", "identifier": _numbered("MR", publication.patient_id)},
        "numberOfInstances": publication.instances,
    }
    if shortened:
        resource["meta"]["tag"] = [_SHORTENED]
    if publication.study_date:
        resource["started"] = publication.study_date.astimezone(zone).isoformat(timespec="seconds")
    if publication.service_title:
        resource["description"] = publication.service_title
    if study:
        resource["numberOfSeries"] = len(study.series)
        resource["series"] = [_series(one) for one in study.series]
        if publication.pin_hash is None:  # with a PIN, only the browser in which it was entered is let in
            resource["contained"] = [_endpoint(f"{link(base_url, publication.token)}/dicomweb")]
            resource["endpoint"] = [{"reference": "#dicomweb"}]
    return {key: value for key, value in resource.items() if value != []}


def search_set(found: Iterable[Resource], total: int | None, links: Mapping[str, str], base_url: str) -> Resource:
    """Return the Bundle that answers a search; `links` by relation, `self` among them."""
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        **({} if total is None else {"total": total}),
        "link": [{"relation": relation, "url": url} for relation, url in links.items()],
        "entry": [
            {
                "fullUrl": f"{base_url}/fhir/ImagingStudy/{resource['id']}",
                "resource": resource,
                "search": {"mode": "match"},
            }
            for resource in found
        ],
    }


def outcome(code: str, text: str, places: Sequence[str] = ()) -> Resource:
    """Return an OperationOutcome; `code` is of the value set issue-type, `places` the parameters that it is about."""
    issue: Resource = {"severity": "error", "code": code, "details": {"text": text}}
    if places:
        issue["expression"] = [f"http.{place}" for place in places]
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def capability_statement(base_url: str, version: str, released: str) -> Resource:
    """Return what this server can do: read an ImagingStudy, and find some."""
    parameters = {"_id": "token", "identifier": "token", "patient": "reference", "started": "date"}
    parameters |= {"_lastUpdated": "date"}
    security = "Authorization: Bearer, with an API key of the clinic"
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": released,
        "kind": "instance",
        "software": {"name": "StudyPublicator", "version": version},
        "implementation": {"description": "StudyPublicator", "url": f"{base_url}/fhir"},
        "fhirVersion": VERSION,
        "format": [MEDIA_TYPE],
        "rest": [
            {
                "mode": "server",
                "security": {"description": security},
                "resource": [
                    {
                        "type": "ImagingStudy",
                        "interaction": [{"code": "read"}, {"code": "search-type"}],
                        "versioning": "no-version",
                        "searchParam": [{"name": name, "type": kind} for name, kind in parameters.items()],
                    }
                ],
            }
        ],
    }


def _series(series: Series) -> Resource:
    resource: Resource = {"uid": series.uid, "modality": _modality(series.modality), "numberOfInstances": series.size}
    if series.number is not None and series.number >= 0:
        resource["number"] = series.number
    if series.description:
        resource["description"] = series.description
    if series.images:
        resource["instance"] = [
            {"uid": image.uid, "sopClass": {"system": _URI, "code": f"urn:oid:{image.sop_class}"}}
            for image in series.images
        ]
    return resource


def _modality(code: str) -> Resource:
    return {"system": _DICOM_CODES, "code": code or "OT"}


def _numbered(kind: str, value: str) -> Resource:
    return {"type": {"coding": [{"system": _IDENTIFIER_TYPES, "code": kind}]}, "value": value}


def _endpoint(address: str) -> Resource:
    return {
        "resourceType": "Endpoint",
        "id": "dicomweb",
        "status": "active",
        "connectionType": {"system": _ENDPOINT_TYPES, "code": "dicom-wado-rs"},
        "payloadType": [{"text": "DICOM WADO-RS"}],
        "payloadMimeType": ["application/dicom"],
        "address": address,
    }
