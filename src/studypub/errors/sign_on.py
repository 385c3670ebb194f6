"""About those who are vouched for by somebody else: the provider is away, or what it says opens nothing here."""

from studypub.errors.base import Sentence, StudypubError


class ProviderUnavailable(StudypubError):
    """The provider of sign-on does not answer, or not as a provider does."""

    code = "SIGN_ON_UNAVAILABLE"
    retry = True
    template = Sentence(
        "Служба входа {server} недоступна: {reason_ru}. Повторите через минуту; если не поможет, сообщите "
        "администратору.",
        "The sign-in service {server} is unavailable: {reason_en}. Try again in a minute; if it does not help, tell "
        "the administrator.",
    )


class SignOnRefused(StudypubError):
    """Somebody comes from the provider and is not let in; `why` names the reason for the audit log."""

    code = "SIGN_ON_REFUSED"
    template = Sentence("{reason_ru}", "{reason_en}")

    def __init__(self, why: str, *, reason_ru: str, reason_en: str) -> None:
        super().__init__(why, reason_ru=reason_ru, reason_en=reason_en)
        self.why = why


class TokenRefused(StudypubError):
    """A token that somebody else has signed does not count here."""

    code = "TOKEN_REFUSED"
    template = Sentence("Токен не принят: {reason_ru}.", "The token is not accepted: {reason_en}.")

    def __init__(self, reason_ru: str, reason_en: str) -> None:
        super().__init__(reason_en, reason_ru=reason_ru, reason_en=reason_en)


class KeyUnknown(TokenRefused):
    """It is signed by a key that is not among those we know; the signer may have got a new one."""

    def __init__(self) -> None:
        super().__init__("подписан неизвестным ключом (kid)", "it is signed by an unknown key (kid)")
