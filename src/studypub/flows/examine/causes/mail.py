"""What is wrong with the mail."""

from studypub.errors import Sentence
from studypub.flows.examine.finding import failed, passed

WORKS = passed("MAIL_WORKS", "{said_ru}", "{said_en}")
FAILS = failed(
    "MAIL_FAILS",
    Sentence("{said_ru}", "{said_en}"),
    Sentence(
        "Проверьте раздел [mail]: адрес и порт почтового сервера, имя, пароль и шифрование.",
        "Check [mail]: address and port of the mail server, name, password and encryption.",
    ),
)
