"""Renders the templates: everything escaped, in the reader's language."""

from functools import cache
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, nodes
from jinja2.visitor import NodeTransformer
from litestar import MediaType, Request, Response

from studypub import resources
from studypub.core.publication import link, public_title
from studypub.errors import Sentence
from studypub.web import static, words
from studypub.web.catalogue import Texts
from studypub.web.formats import Formats
from studypub.web.language import Language, language_of


def page(template: str, request: Request[Any, Any, Any], *, status: int = 200, **context: Any) -> Response[str]:
    """Answer with a page or a fragment of one; `now` and `config` in the context are what times are written by."""
    return answer(request, html(template, request, **context), status)


def html(template: str, request: Request[Any, Any, Any], **context: Any) -> str:
    """Return a page or a fragment of one."""
    language = language_of(request)
    return _environment(language).get_template(template).render(language=language, here=_here(request), **context)


def answer(request: Request[Any, Any, Any], content: str, status: int = 200) -> Response[str]:
    """Answer with what was rendered."""
    headers = {"Content-Language": language_of(request)}
    return Response(content, status_code=status, media_type=MediaType.HTML, headers=headers)


def error_page(
    request: Request[Any, Any, Any], status: int, sentence: Sentence, headers: dict[str, str] | None = None
) -> Response[str]:
    """Answer with a page that says what happened and what to do; a script of ours takes only the sentence from it."""
    is_patient = request.scope["path"].startswith("/s/")
    response = page("error.html", request, status=status, sentence=sentence, is_patient=is_patient)
    response.headers.update(headers or {})
    return response


class _Translation(NodeTransformer):
    """Puts in place of what a template says by `_` alone what that is in a language."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts

    def visit_Call(self, call: nodes.Call) -> nodes.Node:  # noqa: N802 - the library's name
        """Translate a text that depends on nothing."""
        match call:
            case nodes.Call(node=nodes.Name(name="_"), args=[nodes.Const(value=str(text))], kwargs=[]):
                return nodes.Const(self._texts.text(text), lineno=call.lineno)
        return self.generic_visit(call)


class _Environment(Environment):
    """Templates in one language: what they say is translated when they are compiled, not each time it is said.

    A page says some eight hundred texts; to look each up takes a fifth of its time.
    """

    texts: Texts

    def _generate(self, source: nodes.Template, *options: Any, **more: Any) -> str:
        return super()._generate(_Translation(self.texts).visit(source), *options, **more)


@cache
def _environment(language: Language) -> Environment:
    environment = _Environment(
        loader=FileSystemLoader(resources.path("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    texts = environment.texts = Texts(language)
    environment.globals.update(_=texts.text, ngettext=texts.plural)
    environment.filters.update(Formats(language).filters())
    environment.globals.update(static=static.address, words=words, link=link, public_title=public_title)
    return environment


def _here(request: Request[Any, Any, Any]) -> str:
    query = request.scope["query_string"].decode("latin-1")
    return request.url.path + (f"?{query}" if query and request.method == "GET" else "")
