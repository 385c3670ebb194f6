"""Templates say their texts in the language that they are compiled for."""

import pytest

from studypub.web.language import Language
from studypub.web.render import _environment

TEMPLATE = "{% macro sign(name) %}<b>{{ name }}</b>{% endmacro %}"


@pytest.mark.parametrize(
    ("language", "queue", "age"), [("ru", "Очередь", "идёт &lt;i&gt;"), ("en", "Queue", "for &lt;i&gt;")]
)
def test_texts_are_in_that_language(language: Language, queue: str, age: str) -> None:
    template = (
        TEMPLATE + '{{ _("Очередь") }}|{{ sign(_("Очередь")) }}|{{ _(name) }}|{{ _("идёт %(span)s", span="<i>") }}'
    )
    said = _environment(language).from_string(template).render(name="Очередь")
    assert said == f"{queue}|<b>{queue}</b>|{queue}|{age}"


def test_what_depends_on_nothing_is_not_looked_up_again() -> None:
    written = _environment("en").compile('<h1>{{ _("Очередь") }}</h1>', raw=True)
    assert "<h1>Queue</h1>" in written
