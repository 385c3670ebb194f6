"""What is wrong with a certificate of ours."""

from studypub.errors import Sentence
from studypub.flows.examine.finding import failed, passed

VALID = passed("CERTIFICATE_VALID", "{said_ru}", "{said_en}")
FAULTY = failed(
    "CERTIFICATE_FAULTY",
    Sentence("{said_ru}", "{said_en}"),
    Sentence(
        "Положите новый сертификат и ключ на те же места: служба возьмёт их сама; обновление лучше поручить certbot.",
        "Put a new certificate and key in the same places: the service takes them up by itself; certbot renews them "
        "best.",
    ),
)
