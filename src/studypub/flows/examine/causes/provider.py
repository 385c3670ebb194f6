"""What is wrong with those who vouch for people and programs."""

from studypub.errors import Sentence
from studypub.flows.examine.finding import failed, passed

WORKS = passed(
    "PROVIDER_WORKS",
    "[{section}]: {issuer} отвечает, ключи есть.",
    "[{section}]: {issuer} answers, and has keys.",
)
FAILS = failed(
    "PROVIDER_FAILS",
    Sentence("[{section}]: {issuer}: {why_ru}.", "[{section}]: {issuer}: {why_en}."),
    Sentence(
        "Проверьте issuer, networks и ca_certificate раздела [{section}] и сеть.",
        "Check issuer, networks and ca_certificate of [{section}], and the network.",
    ),
)
