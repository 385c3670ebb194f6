"""What is wrong with the database, by what PostgreSQL and its client say."""

import re

from studypub.errors import Sentence
from studypub.flows.examine.finding import Cause, Finding, Level, failed, passed, warned

_URL = Sentence("Проверьте url в [database].", "Check url in [database].")

ANSWERS = passed("DATABASE_ANSWERS", "База данных отвечает.", "The database answers.")
READY = passed("DATABASE_READY", "База данных отвечает, схема готова.", "The database answers, its schema is ready.")
NAME_UNKNOWN = failed(
    "DATABASE_NAME_UNKNOWN",
    Sentence("Имени сервера PostgreSQL нет в DNS.", "No name service knows the name of the PostgreSQL server."),
    _URL,
)
PORT_CLOSED = failed(
    "DATABASE_PORT_CLOSED",
    Sentence(
        "PostgreSQL не принимает соединений: порт закрыт.", "PostgreSQL takes no connections: the port is closed."
    ),
    Sentence(
        "Запустите PostgreSQL (systemctl status postgresql), проверьте адрес и порт в url раздела [database] и "
        "listen_addresses на сервере.",
        "Start PostgreSQL (systemctl status postgresql); check address and port of url in [database], and "
        "listen_addresses of the server.",
    ),
)
NO_SOCKET = failed(
    "DATABASE_NO_SOCKET",
    Sentence("По этому пути нет сокета PostgreSQL.", "There is no socket of PostgreSQL at that path."),
    Sentence(
        "Запустите PostgreSQL; в url раздела [database] нужна папка сокета, обычно host=/run/postgresql.",
        "Start PostgreSQL; url in [database] is to name the socket's folder, most often host=/run/postgresql.",
    ),
)
SILENT = failed(
    "DATABASE_SILENT",
    Sentence("PostgreSQL не ответил вовремя.", "PostgreSQL did not answer in time."),
    Sentence(
        "Проверьте адрес в url раздела [database], межсетевой экран и нагрузку сервера.",
        "Check the address of url in [database], the firewall, and the load of the server.",
    ),
)
WRONG_PASSWORD = failed(
    "DATABASE_WRONG_PASSWORD",
    Sentence(
        "PostgreSQL не принял имя или пароль из настроек.", "PostgreSQL did not take the name or the password given."
    ),
    Sentence(
        "Проверьте url (url_file) в [database]; новый пароль: ALTER ROLE studypub PASSWORD '…'.",
        "Check url (url_file) in [database]; a new password: ALTER ROLE studypub PASSWORD '…'.",
    ),
)
OTHER_USER = failed(
    "DATABASE_OTHER_USER",
    Sentence(
        "PostgreSQL пускает по имени пользователя системы (peer), а это другой пользователь.",
        "PostgreSQL admits by the name of the system's user (peer), and this is another one.",
    ),
    Sentence(
        "Запускайте от имени службы: sudo -u studypub studypub doctor; имя роли в url должно совпадать с ним.",
        "Run this as the service's user: sudo -u studypub studypub doctor; the role in url has to bear its name.",
    ),
)
NO_ROLE = failed(
    "DATABASE_NO_ROLE",
    Sentence("В PostgreSQL нет такой учётной записи.", "PostgreSQL has no such role."),
    Sentence(
        "Создайте её: sudo -u postgres createuser studypub; или исправьте имя в url раздела [database].",
        "Make it: sudo -u postgres createuser studypub; or correct the name of url in [database].",
    ),
)
MISSING = failed(
    "DATABASE_MISSING",
    Sentence("В PostgreSQL нет такой базы данных.", "PostgreSQL has no such database."),
    Sentence(
        "Создайте её: sudo -u postgres createdb -O studypub studypub; или исправьте имя в url раздела [database].",
        "Make it: sudo -u postgres createdb -O studypub studypub; or correct the name of url in [database].",
    ),
)
NOT_ADMITTED = failed(
    "DATABASE_NOT_ADMITTED",
    Sentence(
        "PostgreSQL не пускает нас отсюда: в pg_hba.conf нет подходящей строки.",
        "PostgreSQL does not admit us from here: no line of pg_hba.conf fits.",
    ),
    Sentence(
        "Добавьте строку для этой роли, базы и адреса этой машины и перечитайте: SELECT pg_reload_conf().",
        "Add a line for this role, database and this machine's address, and reload: SELECT pg_reload_conf().",
    ),
)
FULL = failed(
    "DATABASE_FULL",
    Sentence("У PostgreSQL заняты все соединения.", "All connections of PostgreSQL are taken."),
    Sentence("Увеличьте max_connections или предел роли.", "Raise max_connections, or the limit of the role."),
)
STARTING = failed(
    "DATABASE_STARTING",
    Sentence("PostgreSQL запускается, останавливается или восстанавливается.", "PostgreSQL starts, stops or recovers."),
    Sentence(
        "Повторите через минуту; если не проходит, смотрите его журнал.", "Try again in a minute, else see its log."
    ),
)
NO_TLS = failed(
    "DATABASE_TLS",
    Sentence("С PostgreSQL не удалось договориться о TLS.", "No TLS came about with PostgreSQL."),
    Sentence(
        "Проверьте sslmode и sslrootcert в url раздела [database] и сертификат сервера.",
        "Check sslmode and sslrootcert of url in [database], and the server's certificate.",
    ),
)
UNAVAILABLE = failed(
    "DATABASE_UNAVAILABLE",
    Sentence("База данных недоступна.", "The database is unavailable."),
    Sentence(
        "Проверьте url в [database] и журнал PostgreSQL; встроенной базе нужны права и место в data_dir.",
        "Check url in [database], and PostgreSQL's log; an embedded one needs permissions and room in data_dir.",
    ),
)
TOO_OLD = failed(
    "DATABASE_TOO_OLD",
    Sentence(
        "Это PostgreSQL {version}: studypub на нём не работает.",
        "This is PostgreSQL {version}: studypub does not run on it.",
    ),
    Sentence('Обновите до 15 или новее, или url = "embedded".', 'Upgrade to 15 or newer, or use url = "embedded".'),
)
OLD = warned(
    "DATABASE_OLD",
    Sentence(
        "Это PostgreSQL {version}: studypub проверяется только на 15 и новее.",
        "This is PostgreSQL {version}: studypub is only tried out with 15 and newer.",
    ),
    Sentence("Обновите сервер.", "Upgrade the server."),
)
READ_ONLY = failed(
    "DATABASE_READ_ONLY",
    Sentence("В эту базу данных нельзя писать.", "This database cannot be written to."),
    Sentence(
        "Скорее всего это копия (standby): укажите в url раздела [database] основной сервер.",
        "Most likely it is a standby: name the primary in url of [database].",
    ),
)
NOT_DURABLE = failed(
    "DATABASE_NOT_DURABLE",
    Sentence("{said_ru}", "{said_en}"),
    Sentence(
        "SHOW fsync; SHOW full_page_writes; SHOW synchronous_commit; — все три должны быть on.",
        "SHOW fsync; SHOW full_page_writes; SHOW synchronous_commit; all three have to be on.",
    ),
)
CLINICS_OF_PANEL = passed(
    "DATABASE_CLINICS_OF_PANEL",
    "Настройки клиник берутся из панели, а не из файла: {codes}.",
    "The settings of clinics are those of the panel, not of the file: {codes}.",
)
UNUSABLE_CLINIC = failed(
    "DATABASE_CLINIC_UNUSABLE",
    Sentence(
        "Настройки клиники {code} в базе не подходят ({problem}): действуют прежние или из файла.",
        "The settings of the clinic {code} in the database cannot be used ({problem}): the earlier ones hold, or the "
        "file's.",
    ),
    Sentence(
        "Обновите studypub: их записала более новая версия; или откройте «Клиники» в панели и сохраните их заново.",
        "Upgrade studypub: a newer version wrote them; or open “Clinics” in the panel, and save them anew.",
    ),
)
CLINICS_NOT_APART = warned(
    "DATABASE_CLINICS_NOT_APART",
    Sentence(
        "Клиники разделяет сама программа, но не права в PostgreSQL: нет роли studypub_app.",
        "The clinics are kept apart by the program, but by no rights in PostgreSQL: the role studypub_app is missing.",
    ),
    Sentence(
        "От имени администратора PostgreSQL: CREATE ROLE studypub_app; GRANT studypub_app TO {account}; "
        "ALTER ROLE {account} BYPASSRLS; затем перезапустите службу.",
        "As an administrator of PostgreSQL: CREATE ROLE studypub_app; GRANT studypub_app TO {account}; "
        "ALTER ROLE {account} BYPASSRLS; then restart the service.",
    ),
)
REFUSED = failed(
    "DATABASE_REFUSED",
    Sentence("{said_ru}", "{said_en}"),
    Sentence("Подробности в журнале службы.", "The service's log says more."),
)
CLOCKS_AGREE = passed(
    "CLOCK_DATABASE",
    "Часы сервера и базы данных расходятся на {skew:.1f} с.",
    "The clocks of this machine and of the database differ by {skew:.1f} s.",
)
CLOCKS_DIFFER = failed(
    "CLOCK_DATABASE_DIFFERS",
    CLOCKS_AGREE.sentence,
    Sentence(
        "Включите на обеих машинах синхронизацию времени: timedatectl set-ntp true.",
        "Let both machines be set by a time server: timedatectl set-ntp true.",
    ),
)

# What the server says in English and in Russian, and its client in English; the first that fits counts.
_SAID = (
    (r"translate host name|resolve host|Name or service not known", NAME_UNKNOWN),
    (r"Connection refused", PORT_CLOSED),
    (r"No such file or directory", NO_SOCKET),
    (r"timeout expired|timed out", SILENT),
    (r"pg_hba\.conf", NOT_ADMITTED),
    (r"Peer authentication failed|\(Peer\)|подлинности \(peer\)", OTHER_USER),
    (r"password authentication failed|no password supplied|\(по паролю\)|\(password\)", WRONG_PASSWORD),
    (r'role "[^"]*" does not exist|роль "[^"]*" не существует', NO_ROLE),
    (r'database "[^"]*" does not exist|база данных "[^"]*" не существует', MISSING),
    (r"too many (clients|connections)|connection slots|слишком много|слоты подключений", FULL),
    (r"starting up|shutting down|recovery mode|not yet accepting|запускается|останавливается|восстановлен", STARTING),
    (r"SSL|certificate", NO_TLS),
)
_RUNS_FROM, _TRIED_FROM = 130000, 150000  # gen_random_uuid() came with 13
_MOST_SKEW_SECONDS = 5.0


def of_words(text: str) -> Cause:
    """Return what PostgreSQL's words mean, or its client's, where no connection came about."""
    return next((cause for pattern, cause in _SAID if re.search(pattern, text)), UNAVAILABLE)


def of_version(version: int) -> Finding | None:
    """Return what is wrong with so old a server."""
    if version >= _TRIED_FROM:
        return None
    return (OLD if version >= _RUNS_FROM else TOO_OLD).found(version=version // 10000)


def of_clocks(skew: float) -> Finding:
    """Say whether the clocks of this machine and of the database, `skew` seconds apart, are close enough."""
    return (CLOCKS_AGREE if skew <= _MOST_SKEW_SECONDS else CLOCKS_DIFFER).found(skew=skew)


def is_usable(finding: Finding | None) -> bool:
    """Whether one can go on."""
    return finding is None or finding.level is not Level.FAILED
