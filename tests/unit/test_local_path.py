"""Where a redirect may lead."""

import pytest

from studypub.web.guards import local_path


@pytest.mark.parametrize("path", ["/", "/queue", "/studies?page=2&sort=size", "/queue/очередь"])
def test_a_path_of_this_site_is_kept(path: str) -> None:
    assert local_path(path, "/otherwise") == path


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "queue",
        "//evil.example",
        "/\\evil.example",
        "/a\\b",
        "\\\\evil.example",
        "https://evil.example",
        "javascript:alert(1)",
        " /queue",
        "/\t/evil.example",
        "/queue\r\nSet-Cookie: a=b",
        "/\u2028evil",
    ],
)
def test_x35_anything_else_is_not_followed(text: str | None) -> None:
    assert local_path(text, "/otherwise") == "/otherwise"
