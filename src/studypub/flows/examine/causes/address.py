"""What is wrong with the public address, by what answers there and by what of a request reaches the daemon."""

from urllib.parse import urlsplit

from studypub.errors import Sentence
from studypub.flows.examine.connection import Certificate, Unreached
from studypub.flows.examine.finding import Cause, failed, passed, warned
from studypub.flows.examine.probes import Seen

REACHED = passed("ADDRESS_REACHED", "Адрес {base} ведёт к studypub.", "{base} reaches studypub.")
NOT_RUNNING = failed(
    "ADDRESS_NOT_RUNNING",
    Sentence(
        "По адресу {url} studypub не отвечает: служба не запущена.",
        "studypub does not answer at {url}: the service is not running.",
    ),
    Sentence(
        "Запустите её: systemctl start studypub; почему не запускается, скажет journalctl -u studypub.",
        "Start it: systemctl start studypub; journalctl -u studypub says why it does not start.",
    ),
)
NAME_UNKNOWN = failed(
    "ADDRESS_NAME_UNKNOWN",
    Sentence("Имени {host} из public_url нет в DNS.", "No name service knows the name {host} of public_url."),
    Sentence(
        "Заведите для него запись DNS, которая ведёт к обратному прокси, или исправьте public_url. Если имя есть "
        "только снаружи, проверьте ссылку с телефона.",
        "Make a DNS record for it that leads to the reverse proxy, or correct public_url. Where only the outside knows "
        "the name, try a link with a telephone.",
    ),
)
PORT_CLOSED = failed(
    "ADDRESS_PORT_CLOSED",
    Sentence(
        "Машина {host} отвечает, но порт {port} из public_url на ней закрыт.",
        "The machine {host} answers, but the port {port} of public_url is closed there.",
    ),
    Sentence(
        "Запустите обратный прокси на этом порту или исправьте порт в public_url.",
        "Start the reverse proxy at this port, or correct the port in public_url.",
    ),
)
SILENT = failed(
    "ADDRESS_SILENT",
    Sentence(
        "По адресу {host}:{port} из public_url за {seconds:g} с никто не ответил.",
        "Nobody answered at {host}:{port} of public_url within {seconds:g} s.",
    ),
    Sentence(
        "Проверьте запись DNS и межсетевой экран. Если адрес открывается только снаружи, проверьте ссылку с телефона.",
        "Check the DNS record and the firewall. Where the address can be reached from outside alone, try a link with a "
        "telephone.",
    ),
)
NO_ROUTE = failed(
    "ADDRESS_NO_ROUTE",
    Sentence("Нет пути к {host} из public_url.", "There is no route to {host} of public_url."),
    Sentence("Проверьте public_url, DNS и сеть этого сервера.", "Check public_url, DNS and this machine's network."),
)
UNREACHED = failed(
    "ADDRESS_UNREACHED",
    Sentence("Соединиться с {host}:{port} из public_url не удалось.", "No connection to {host}:{port} of public_url."),
    Sentence("Проверьте public_url и сеть этого сервера.", "Check public_url and this machine's network."),
)
CERTIFICATE_EXPIRED = failed(
    "ADDRESS_CERTIFICATE_EXPIRED",
    Sentence(
        "Сертификат {host} истёк: телефон ссылку не откроет.",
        "The certificate of {host} has expired: no telephone opens a link.",
    ),
    Sentence(
        "Обновите сертификат обратного прокси и проверьте, что он обновляется сам.",
        "Renew the certificate of the reverse proxy, and see that it renews itself.",
    ),
)
CERTIFICATE_NOT_YET = failed(
    "ADDRESS_CERTIFICATE_NOT_YET_VALID",
    Sentence("Сертификат {host} ещё не действует.", "The certificate of {host} is not valid yet."),
    Sentence(
        "Проверьте часы этого сервера и прокси: date.", "Check the clocks of this machine and of the proxy: date."
    ),
)
CERTIFICATE_OTHER_NAME = failed(
    "ADDRESS_CERTIFICATE_OTHER_NAME",
    Sentence(
        "Сертификат по адресу {host} выдан на другое имя: телефон покажет предупреждение.",
        "The certificate at {host} is for another name: a telephone shows a warning.",
    ),
    Sentence(
        "Получите сертификат на имя {host} или исправьте public_url.",
        "Get a certificate for the name {host}, or correct public_url.",
    ),
)
CERTIFICATE_UNTRUSTED = failed(
    "ADDRESS_CERTIFICATE_UNTRUSTED",
    Sentence(
        "Сертификату {host} эта машина не доверяет: он самодельный, от своего центра или без промежуточных.",
        "This machine does not trust the certificate of {host}: it is self-made, of an authority of your own, or "
        "without its intermediate ones.",
    ),
    Sentence(
        "Дайте прокси всю цепочку (fullchain) от известного центра; свой центр клиники добавьте и на этой машине: "
        "update-ca-certificates.",
        "Give the proxy the full chain of a known authority; a clinic's own authority is to be added on this machine, "
        "too: update-ca-certificates.",
    ),
)
NO_TLS = failed(
    "ADDRESS_NO_TLS",
    Sentence(
        "По адресу {host}:{port} отвечают без TLS, а public_url начинается с https.",
        "What answers at {host}:{port} does not speak TLS, and public_url begins with https.",
    ),
    Sentence(
        "Включите TLS в обратном прокси (listen {port} ssl) или исправьте public_url.",
        "Turn TLS on in the reverse proxy (listen {port} ssl), or correct public_url.",
    ),
)
PROXY_CANNOT_REACH_US = failed(
    "ADDRESS_PROXY_CANNOT_REACH_US",
    Sentence(
        "Обратный прокси по адресу {base} отвечает {status}: он не может соединиться с studypub.",
        "The reverse proxy at {base} answers {status}: it cannot connect to studypub.",
    ),
    Sentence(
        "Служба слушает {listener}: этот адрес и должен стоять в прокси (proxy_pass); проверьте и SELinux, и сеть "
        "между ними.",
        "The service listens at {listener}: that is what the proxy is to name (proxy_pass); check SELinux, and the "
        "network between them, too.",
    ),
)
OTHER_SERVER = failed(
    "ADDRESS_OTHER_SERVER",
    Sentence(
        "По адресу {url} отвечает не эта служба studypub (ответ {status}, сервер {server}).",
        "What answers at {url} is not this studypub (status {status}, server {server}).",
    ),
    Sentence(
        "Проверьте public_url, запись DNS, server_name в прокси и чтобы он передавал все пути: location / {{ … }}.",
        "Check public_url, the DNS record, server_name of the proxy, and that it passes every path on: location / {{ … "
        "}}.",
    ),
)
NOT_HTTP = failed(
    "ADDRESS_NOT_HTTP",
    Sentence("По адресу {host}:{port} отвечают не по HTTP.", "What answers at {host}:{port} does not speak HTTP."),
    Sentence(
        "Проверьте порт в public_url; если там TLS, public_url должен начинаться с https.",
        "Check the port in public_url; where it speaks TLS, public_url is to begin with https.",
    ),
)
REDIRECTED = warned(
    "ADDRESS_REDIRECTED",
    Sentence("Адрес {base} перенаправляет на {target}.", "{base} redirects to {target}."),
    Sentence(
        "Напишите в public_url тот адрес, куда ведёт перенаправление: им и будут начинаться ссылки.",
        "Write into public_url where the redirection leads: links are to begin with that.",
    ),
)
PLAIN = warned(
    "ADDRESS_PLAIN",
    Sentence(
        "public_url начинается с http: ссылки и вход в панель не защищены TLS.",
        "public_url begins with http: links and the panel's login are not protected by TLS.",
    ),
    Sentence(
        "Поставьте перед службой прокси с TLS и напишите public_url с https.",
        "Put a proxy with TLS before the service, and write public_url with https.",
    ),
)
LOCAL = warned(
    "ADDRESS_LOCAL",
    Sentence(
        "Ссылки начинаются с {base}: открыть их можно только на этой машине.",
        "Links begin with {base}: they open on this machine alone.",
    ),
    Sentence(
        "Напишите public_url — адрес, который откроет телефон пациента.",
        "Write public_url, an address that a patient's telephone opens.",
    ),
)
NOT_PROVEN = warned(
    "ADDRESS_NOT_PROVEN",
    Sentence(
        "По адресу {base} отвечает studypub, но эта ли служба — узнать не удалось: она говорит только со своим "
        "пользователем.",
        "A studypub answers at {base}, but whether it is this one could not be learnt: the service speaks to its own "
        "user alone.",
    ),
    Sentence("Повторите так: sudo -u studypub studypub doctor.", "Repeat it so: sudo -u studypub studypub doctor."),
)
NOT_TRUSTED = warned(
    "ADDRESS_PROXY_NOT_TRUSTED",
    Sentence(
        "Обратный прокси приходит с адреса {peer}, которого нет в trusted_proxies: адреса посетителей теряются, и всех "
        "считают за одного.",
        "The reverse proxy comes from {peer}, which is not in trusted_proxies: the visitors' addresses are lost, and "
        "all count as one.",
    ),
    Sentence(
        'Напишите в [server] trusted_proxies = ["{peer}"] и перезапустите службу.',
        'Write trusted_proxies = ["{peer}"] in [server], and restart the service.',
    ),
)
NO_CLIENT = warned(
    "ADDRESS_PROXY_HIDES_VISITORS",
    Sentence(
        "Обратный прокси не передаёт адрес посетителя (X-Forwarded-For): всех считают за одного.",
        "The reverse proxy does not pass the visitor's address on (X-Forwarded-For): all count as one.",
    ),
    Sentence(
        "nginx: proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;",
        "nginx: proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;",
    ),
)
NO_SCHEME = warned(
    "ADDRESS_PROXY_HIDES_SCHEME",
    Sentence(
        "Обратный прокси не сообщает, что посетитель пришёл по TLS (X-Forwarded-Proto: {proto}, а не https).",
        "The reverse proxy does not say that the visitor came over TLS (X-Forwarded-Proto: {proto}, not https).",
    ),
    Sentence(
        "nginx: proxy_set_header X-Forwarded-Proto $scheme; Ссылки и cookie studypub строит по public_url, они верны.",
        "nginx: proxy_set_header X-Forwarded-Proto $scheme; studypub makes links and cookies by public_url, and they "
        "are right.",
    ),
)
NO_RANGE = warned(
    "ADDRESS_PROXY_DROPS_RANGE",
    Sentence(
        "Обратный прокси не передаёт заголовок Range: прерванную загрузку нельзя продолжить.",
        "The reverse proxy does not pass the header Range on: a download that broke off cannot be resumed.",
    ),
    Sentence(
        "Уберите из прокси proxy_set_header Range и кеш для этого сайта (proxy_cache off).",
        "Remove proxy_set_header Range from the proxy, and its cache for this site (proxy_cache off).",
    ),
)
WRONG_SCHEME = warned(
    "ADDRESS_SHOULD_BE_HTTPS",
    Sentence(
        "Прокси говорит, что посетители приходят по https, а public_url начинается с http.",
        "The proxy says that visitors come over https, and public_url begins with http.",
    ),
    Sentence("Напишите public_url с https.", "Write public_url with https."),
)

_UNREACHED = {
    Unreached.NAME: NAME_UNKNOWN,
    Unreached.CLOSED: PORT_CLOSED,
    Unreached.SILENT: SILENT,
    Unreached.NO_ROUTE: NO_ROUTE,
    Unreached.OTHER: UNREACHED,
}
_CERTIFICATES = {
    Certificate.EXPIRED: CERTIFICATE_EXPIRED,
    Certificate.NOT_YET: CERTIFICATE_NOT_YET,
    Certificate.OTHER_NAME: CERTIFICATE_OTHER_NAME,
    Certificate.UNTRUSTED: CERTIFICATE_UNTRUSTED,
}
_REDIRECTIONS = (301, 302, 303, 307, 308)
_GATEWAY = (502, 503, 504)


def of_connection(why: Unreached, *, runs: bool, by_proxy: bool) -> Cause:
    """Return what it is that no connection came about; without a proxy it is the daemon itself that listens there."""
    if why is Unreached.CLOSED and not runs and not by_proxy:
        return NOT_RUNNING
    return _UNREACHED[why]


def of_certificate(why: Certificate) -> Cause:
    """Return what is wrong with the certificate."""
    return _CERTIFICATES[why]


def of_answer(status: int, *, runs: bool) -> Cause:
    """Return what an answer means that is not the daemon's."""
    if status in _REDIRECTIONS:
        return REDIRECTED
    if status in _GATEWAY:
        return PROXY_CANNOT_REACH_US if runs else NOT_RUNNING
    return OTHER_SERVER


def of_request(base_url: str, seen: Seen, *, asked_range: str) -> list[Cause]:
    """Return what is lost on the way from the public address to the daemon; most is only found behind a proxy."""
    is_https = base_url.startswith("https://")
    found = []
    if not is_https:
        if seen.forwarded_proto == "https":
            found.append(WRONG_SCHEME)
        else:
            found.append(LOCAL if is_local(base_url) else PLAIN)
    is_behind_proxy = seen.is_forwarded or (is_https and seen.scheme != "https")
    if is_behind_proxy and seen.forwarded_for is None:
        found.append(NO_CLIENT)
    if is_behind_proxy and not seen.is_trusted:
        found.append(NOT_TRUSTED)
    if is_https and is_behind_proxy and seen.forwarded_proto != "https":
        found.append(NO_SCHEME)
    if seen.range != asked_range:
        found.append(NO_RANGE)
    return found


def is_local(base_url: str) -> bool:
    """Whether nobody but this machine can open it."""
    host = urlsplit(base_url).hostname or ""
    return host in {"localhost", "::1"} or host.startswith("127.")
