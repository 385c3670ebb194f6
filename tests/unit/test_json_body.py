"""What counts as the JSON object of a request."""

import pytest

from studypub.core.request import InvalidRequest
from studypub.web.api.body import parse_object
from studypub.web.errors import Problem


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"text"',
        b"1",
        b"{'a': 1}",
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": 1e999}',
        b'{"a": "\\ud800"}',
        b'{"\\ud800": 1}',
        b'{"a": "\xed\xa0\x80"}',
        '{"patient_id": "Иванов"}'.encode("cp1251"),
        b"\xef\xbb\xbf{}",
        b'{"a": "line\nbreak"}',
        b'{"a": 1} {}',
        b"[" * 100_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b"patient_id=1&accession_number=2",
    ],
)
def test_x17_what_is_not_a_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(Problem) as caught:
        parse_object(body)
    assert caught.value.status == 400


def test_x17_a_name_that_stands_twice_is_refused() -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_object(b'{"patient_id": "1", "accession_number": "2", "patient_id": "3", "patient\\u005fid": "4"}')
    assert [error.field for error in caught.value.errors] == ["patient_id"]


def test_an_object_is_returned_as_it_is() -> None:
    assert parse_object(b' {"a": "\\u0416", "b": null, "c": [{"c": 1, "c": 2}]} ') == {
        "a": "Ж",
        "b": None,
        "c": [{"c": 2}],
    }
