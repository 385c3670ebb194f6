"""Style sheets and scripts, kept by browsers until they change."""

import pytest
from tests.web.conftest import Site

from studypub import resources
from studypub.web import static

FILES = {
    path.relative_to(resources.path("static")).as_posix(): path.read_bytes()
    for path in sorted(resources.path("static").rglob("*.*"))
    if path.is_file() and not path.name.startswith(".")
}


@pytest.mark.parametrize("name", FILES)
async def test_a_file_is_kept_for_good_under_the_address_pages_give_it(steady_site: Site, name: str) -> None:
    response = await steady_site.client.get(static.address(name))
    assert response.status_code == 200
    assert response.content == FILES[name]
    assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
    plain = await steady_site.client.get(f"/static/{name}")
    assert plain.headers["cache-control"] == "public, no-cache"
    again = await steady_site.client.get(f"/static/{name}", headers={"If-None-Match": plain.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
