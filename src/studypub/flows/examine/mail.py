"""Looks whether the mail server takes what we want to tell people."""

from studypub.config import Config
from studypub.flows.check_mail import check_mail
from studypub.flows.examine.causes import mail as causes
from studypub.flows.examine.finding import Finding


def examine(config: Config) -> Finding:
    """Say whether mail works; where none is configured, that is fine too."""
    passed, said = check_mail(config)
    return (causes.WORKS if passed else causes.FAILS).found(said_ru=said.ru, said_en=said.en)
