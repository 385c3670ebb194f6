"""What a person typed into a form, and what is wrong with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from litestar import Request

from studypub.core.request import FieldError
from studypub.errors import StudypubError


@dataclass(frozen=True, slots=True)
class Form:
    """A form's fields, as they were typed, and the faults found in them."""

    fields: Mapping[str, str]
    errors: tuple[FieldError, ...] = ()

    def value(self, name: str) -> str:
        """Return what the field holds."""
        return self.fields[name]

    def error(self, name: str) -> object:
        """Return the sentence about a field, or None."""
        return next((error.sentence for error in self.errors if error.field == name), None)

    @property
    def first_fault(self) -> str | None:
        """The first field of the form that has a fault; it gets the focus."""
        faulty = {error.field for error in self.errors}
        return next((name for name in self.fields if name in faulty), None)

    def with_errors(self, *errors: FieldError) -> "Form":
        """Return the same form with these faults, those of one field in the order of the form."""
        order = list(self.fields)
        return Form(self.fields, tuple(sorted(errors, key=lambda error: _place(order, error.field))))

    def refused(self, field: str, refusal: StudypubError) -> "Form":
        """Return the same form with a refusal beside a field."""
        return self.with_errors(FieldError(field, refusal.sentence))


def _place(order: list[str], name: str) -> int:
    return order.index(name) if name in order else len(order)


async def read(request: Request[Any, Any, Any], *names: str, **otherwise: str) -> Form:
    """Return these fields of the form that was sent; what is missing or no text is empty, or as in `otherwise`."""
    sent = await request.form()
    typed = {name: sent.get(name, otherwise.get(name, "")) for name in (*names, *otherwise)}
    return Form({name: value if isinstance(value, str) else "" for name, value in typed.items()})


def empty(*names: str, **values: str) -> Form:
    """Return a form that nobody has filled in; `values` stand in its fields already."""
    return Form({**dict.fromkeys(names, ""), **values})
