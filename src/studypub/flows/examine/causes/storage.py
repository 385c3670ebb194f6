"""What is wrong with the storage, by what its calls are answered."""

from studypub.errors import BucketIsPublic, DiskFull, Sentence, StorageRefused, StudypubError
from studypub.flows.examine.connection import Certificate, Unreached
from studypub.flows.examine.finding import Cause, failed, passed, warned
from studypub.store.examine import Answer

WORKS = passed(
    "STORAGE_WORKS",
    "Хранилище: запись, чтение и удаление прошли.",
    "The storage works: put, get, delete.",
)
FOLDER_CLOSED = failed(
    "STORAGE_FOLDER_CLOSED",
    Sentence("В папку архивов нельзя писать: {why}.", "The folder of archives cannot be written: {why}."),
    Sentence(
        "Запускайте от имени службы; если и так, верните ей папку: chown -R studypub {folder}; диск не должен быть "
        "только для чтения.",
        "Run this as the service's user; if it is so then too, give the folder back: chown -R studypub {folder}; the "
        "disk must not be read-only.",
    ),
)
FOLDER_FULL = failed(
    "STORAGE_FOLDER_FULL",
    Sentence("На диске с архивами нет места.", "The disk of the archives is full."),
    Sentence("Освободите место: df -h {folder}.", "Make room: df -h {folder}."),
)
FOLDER_UNUSABLE = failed(
    "STORAGE_FOLDER_UNUSABLE",
    Sentence("Папка архивов недоступна: {why}.", "The folder of archives cannot be used: {why}."),
    Sentence("Проверьте data_dir и диск: dmesg | tail.", "Check data_dir and the disk: dmesg | tail."),
)
NAME_UNKNOWN = failed(
    "STORAGE_NAME_UNKNOWN",
    Sentence("Имени {host} из endpoint нет в DNS.", "No name service knows the name {host} of endpoint."),
    Sentence("Проверьте endpoint в [storage.s3] и DNS.", "Check endpoint in [storage.s3], and DNS."),
)
PORT_CLOSED = failed(
    "STORAGE_PORT_CLOSED",
    Sentence("Хранилище {endpoint} не принимает соединений.", "The store {endpoint} takes no connections."),
    Sentence(
        "Проверьте порт в endpoint раздела [storage.s3] и что хранилище запущено.",
        "Check the port of endpoint in [storage.s3], and that the store is running.",
    ),
)
SILENT = failed(
    "STORAGE_SILENT",
    Sentence("Хранилище {endpoint} не отвечает.", "The store {endpoint} does not answer."),
    Sentence(
        "Проверьте endpoint в [storage.s3], интернет на этом сервере и межсетевой экран.",
        "Check endpoint in [storage.s3], this machine's way to the internet, and the firewall.",
    ),
)
NO_ROUTE = failed(
    "STORAGE_NO_ROUTE",
    Sentence("Нет пути к хранилищу {endpoint}.", "There is no route to the store {endpoint}."),
    Sentence("Проверьте сеть и маршруты этого сервера.", "Check this machine's network and routes."),
)
UNREACHED = failed(
    "STORAGE_UNREACHED",
    Sentence(
        "Связь с хранилищем {endpoint} оборвалась ({code}).", "The connection to the store {endpoint} broke ({code})."
    ),
    Sentence(
        "Проверьте endpoint (http или https, порт) и прокси по пути.",
        "Check endpoint (http or https, the port), and any proxy on the way.",
    ),
)
CERTIFICATE_EXPIRED = failed(
    "STORAGE_CERTIFICATE_EXPIRED",
    Sentence("Сертификат хранилища {endpoint} истёк.", "The certificate of the store {endpoint} has expired."),
    Sentence("Обновите сертификат хранилища или проверьте часы: date.", "Renew it, or check the clock: date."),
)
CERTIFICATE_NOT_YET = failed(
    "STORAGE_CERTIFICATE_NOT_YET_VALID",
    Sentence(
        "Сертификат хранилища {endpoint} ещё не действует.", "The certificate of the store {endpoint} is not valid yet."
    ),
    Sentence("Проверьте часы этого сервера: date.", "Check this machine's clock: date."),
)
CERTIFICATE_OTHER_NAME = failed(
    "STORAGE_CERTIFICATE_OTHER_NAME",
    Sentence(
        "Сертификат хранилища выдан не на {host}.", "The certificate of the store is for another name than {host}."
    ),
    Sentence("Укажите в endpoint имя из сертификата.", "Let endpoint bear the name of the certificate."),
)
CERTIFICATE_UNTRUSTED = failed(
    "STORAGE_CERTIFICATE_UNTRUSTED",
    Sentence(
        "Сертификату хранилища {endpoint} эта машина не доверяет.",
        "This machine does not trust the certificate of the store {endpoint}.",
    ),
    Sentence(
        "Свой удостоверяющий центр добавьте в систему: /usr/local/share/ca-certificates/ и update-ca-certificates.",
        "Add your own authority to the system: /usr/local/share/ca-certificates/ and update-ca-certificates.",
    ),
)
NO_TLS = failed(
    "STORAGE_NO_TLS",
    Sentence("Хранилище {endpoint} отвечает без TLS.", "The store {endpoint} does not speak TLS."),
    Sentence(
        "Проверьте порт в endpoint; без TLS он начинается с http.",
        "Check the port of endpoint; without TLS it begins with http.",
    ),
)
NOT_S3 = failed(
    "STORAGE_NOT_S3",
    Sentence(
        "По адресу {endpoint} отвечает не хранилище S3 (ответ не XML).",
        "What answers at {endpoint} is no S3 store (its answer is no XML).",
    ),
    Sentence(
        "endpoint — адрес самого S3, а не веб-панели: https://storage.yandexcloud.net; бакет в него не входит.",
        "endpoint is the address of S3 itself and not of a panel: https://storage.yandexcloud.net; without the bucket.",
    ),
)
WRONG_REGION = failed(
    "STORAGE_WRONG_REGION",
    Sentence("Регион {region} неверный{named_ru}.", "The region {region} is wrong{named_en}."),
    Sentence(
        'Напишите region = "{right_region}" в [storage.s3]; у Yandex Cloud это ru-central1, у VK Cloud ru-msk.',
        'Write region = "{right_region}" in [storage.s3]; Yandex Cloud has ru-central1, VK Cloud ru-msk.',
    ),
)
NO_BUCKET = failed(
    "STORAGE_NO_BUCKET",
    Sentence("Бакета {bucket} в хранилище нет.", "The store has no bucket {bucket}."),
    Sentence(
        "Создайте его (закрытым) в панели хранилища или исправьте bucket в [storage.s3].",
        "Make it (private) in the store's panel, or correct bucket in [storage.s3].",
    ),
)
UNKNOWN_KEY = failed(
    "STORAGE_UNKNOWN_KEY",
    Sentence("Хранилище не знает такого access_key.", "The store does not know that access_key."),
    Sentence(
        "Скопируйте идентификатор ключа заново; он мог быть удалён или принадлежать другому хранилищу.",
        "Copy the key's identifier anew; it may have been deleted, or be another store's.",
    ),
)
WRONG_SECRET = failed(
    "STORAGE_WRONG_SECRET",
    Sentence(
        "Хранилище знает access_key, но secret_key к нему не подходит.",
        "The store knows the access_key, but secret_key does not belong to it.",
    ),
    Sentence(
        "Скопируйте секретный ключ заново, без пробелов и кавычек, или выпустите новую пару.",
        "Copy the secret key anew, without blanks and quotes, or make a new pair.",
    ),
)
EXPIRED_KEY = failed(
    "STORAGE_EXPIRED_KEY",
    Sentence("Срок действия ключа хранилища истёк.", "The key of the store has expired."),
    Sentence(
        "Выпустите постоянный ключ сервисного аккаунта: временный годится лишь на часы.",
        "Make a lasting key of a service account: a temporary one is good for hours.",
    ),
)
CLOCK_SKEWED = failed(
    "STORAGE_CLOCK_SKEWED",
    Sentence(
        "Хранилище отвергает запросы из-за часов: часы этого сервера {ahead_ru} на {skew:.0f} с.",
        "The store refuses requests for the time in them: this machine's clock is {ahead_en} by {skew:.0f} s.",
    ),
    Sentence(
        "Включите синхронизацию времени: timedatectl set-ntp true.",
        "Let a time server set it: timedatectl set-ntp true.",
    ),
)
PUBLIC = failed(
    "STORAGE_PUBLIC",
    Sentence(
        "Бакет {bucket} открыт всем: исследования читались бы без ссылки. Ничего не публикуется, пока он не закрыт.",
        "The bucket {bucket} is public: studies could be read without a link. Nothing is published until it is closed.",
    ),
    Sentence(
        "Закройте в панели хранилища публичное чтение объектов и списка, уберите разрешающую политику (ACL, policy).",
        "Turn public reading of objects and of the list off in the store's panel; remove the policy or ACL that allows "
        "it.",
    ),
)
_RIGHT = Sentence(
    "Дайте сервисному аккаунту ключа право на {right} в бакете {bucket} (у Yandex Cloud — роль storage.editor).",
    "Give the key's account the right to {right} in the bucket {bucket} (Yandex Cloud: the role storage.editor).",
)
NO_PUT = failed(
    "STORAGE_NO_PUT",
    Sentence("Ключу запрещена запись в бакет.", "The key may not put objects into the bucket."),
    _RIGHT,
)
NO_GET = failed(
    "STORAGE_NO_GET",
    Sentence(
        "Ключу запрещено чтение из бакета: ссылки не откроются.",
        "The key may not get objects from the bucket: links would fail.",
    ),
    _RIGHT,
)
NO_LIST = failed(
    "STORAGE_NO_LIST",
    Sentence(
        "Ключу запрещён список объектов: остатки прерванных загрузок не убрать.",
        "The key may not list the bucket: what broken uploads leave cannot be removed.",
    ),
    _RIGHT,
)
NO_DELETE = failed(
    "STORAGE_NO_DELETE",
    Sentence(
        "Ключу запрещено удаление: архивы остались бы после срока.",
        "The key may not delete objects: archives would stay after their date.",
    ),
    _RIGHT,
)
CHANGED = failed(
    "STORAGE_CHANGED",
    Sentence("Хранилище вернуло не то, что в него записали.", "The store gave other bytes back than it was given."),
    Sentence("Проверьте прокси и кеш по пути к нему.", "Check proxies and caches on the way to it."),
)
BUSY = failed(
    "STORAGE_BUSY",
    Sentence("Хранилище сейчас не справляется ({code}).", "The store cannot cope now ({code})."),
    Sentence(
        "Повторите позже; если не проходит, пишите в его поддержку.",
        "Try again later; if it stays so, ask its support.",
    ),
)
REFUSED = failed(
    "STORAGE_REFUSED",
    Sentence("Хранилище отклонило запрос ({step}: {code}).", "The store refused the request ({step}: {code})."),
    Sentence(
        "Проверьте [storage.s3] и права ключа; что значит этот код, скажет документация хранилища.",
        "Check [storage.s3] and the rights of the key; the store's manual says what the code means.",
    ),
)
CLOCK_AGREES = passed(
    "CLOCK_STORAGE",
    "Часы сервера и хранилища расходятся на {skew:.0f} с.",
    "The clocks of this machine and of the store differ by {skew:.0f} s.",
)
CLOCK_DIFFERS = warned(
    "CLOCK_STORAGE_DIFFERS",
    CLOCK_AGREES.sentence,
    Sentence(
        "Включите синхронизацию времени (timedatectl set-ntp true): с разницей в 15 минут хранилище откажет.",
        "Let a time server set the clock (timedatectl set-ntp true): 15 minutes off, the store refuses.",
    ),
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
_CODES = {
    "AuthorizationHeaderMalformed": WRONG_REGION,
    "PermanentRedirect": WRONG_REGION,
    "TemporaryRedirect": WRONG_REGION,
    "IllegalLocationConstraintException": WRONG_REGION,
    "NoSuchBucket": NO_BUCKET,
    "InvalidBucketName": NO_BUCKET,
    "InvalidAccessKeyId": UNKNOWN_KEY,
    "SignatureDoesNotMatch": WRONG_SECRET,
    "ExpiredToken": EXPIRED_KEY,
    "InvalidToken": EXPIRED_KEY,
    "TokenRefreshRequired": EXPIRED_KEY,
    "RequestTimeTooSkewed": CLOCK_SKEWED,
    "RequestExpired": CLOCK_SKEWED,
    "SlowDown": BUSY,
    "ServiceUnavailable": BUSY,
    "InternalError": BUSY,
    "TooManyRequests": BUSY,
}
_DENIED = ("AccessDenied", "AllAccessDisabled", "Forbidden", "HTTP 403")
_RIGHTS = {"put": NO_PUT, "get": NO_GET, "list": NO_LIST, "delete": NO_DELETE}
_NOTEWORTHY_SECONDS = 30.0
_TOO_MUCH_SECONDS = 900.0


def of_answer(answer: Answer) -> Cause | None:
    """Return what an answer of an S3 store means; None where the call went through."""
    if answer.error == "s3":
        return _of_code(answer)
    plain = {"": None, "not s3": NOT_S3, "public": PUBLIC, "changed": CHANGED, "tls": NO_TLS}
    return plain[answer.error]


def _of_code(answer: Answer) -> Cause:
    # Some stores say no more than that access is denied where the clock is wrong.
    if answer.code in _DENIED and abs(answer.skew or 0.0) > _TOO_MUCH_SECONDS:
        return CLOCK_SKEWED
    if answer.region and answer.code not in _CODES:
        return WRONG_REGION
    if answer.code in _DENIED:
        return _RIGHTS.get(answer.step, REFUSED)
    return _CODES.get(answer.code, REFUSED)


def of_connection(why: Unreached) -> Cause:
    """Return what it is that no connection came about."""
    return _UNREACHED[why]


def of_certificate(why: Certificate) -> Cause:
    """Return what is wrong with the certificate."""
    return _CERTIFICATES[why]


def of_folder(error: StudypubError) -> Cause:
    """Return what is wrong with the folder of the local storage."""
    if isinstance(error, DiskFull):
        return FOLDER_FULL
    if isinstance(error, BucketIsPublic):
        return PUBLIC
    return FOLDER_CLOSED if isinstance(error, StorageRefused) else FOLDER_UNUSABLE


def of_skew(seconds: float) -> Cause:
    """Return what so many seconds between the store's clock and ours are."""
    return CLOCK_DIFFERS if abs(seconds) > _NOTEWORTHY_SECONDS else CLOCK_AGREES


def concerns_all(cause: Cause) -> bool:
    """Whether every other call would be answered the same."""
    return cause not in _RIGHTS.values() and cause not in (PUBLIC, CHANGED, REFUSED)
