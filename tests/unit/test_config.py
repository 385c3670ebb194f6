"""The configuration file: what it may say, and how it is told what is wrong."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from studypub.config import Clinic, Config, Pacs, load
from studypub.errors import ConfigError

SECRET = "s3cr3t-VALUE-9f2c"
CLINIC = '[[clinics]]\ncode = "a"\nname = "A"\n[clinics.pacs]\nae_title = "X"\nhost = "h"\nport = 104\n'
S3 = f"""[storage]
kind = "s3"
[storage.s3]
endpoint = "https://storage.example"
bucket = "studies"
access_key = "key"
secret_key = "{SECRET}"
"""

_OIDC = {
    "issuer": '"https://i.example"',
    "client_id": '"c"',
    "client_secret": f'"{SECRET}"',
    "roles": '{a = "registrator"}',
}
_TOKENS = {"issuer": '"https://i.example"', "audience": '"a"'}


def _section(name: str, usual: dict[str, str], **keys: str) -> str:
    return "\n".join([f"[{name}]", *(f"{key} = {value}" for key, value in {**usual, **keys}.items() if value), ""])


SIGN_ON = [
    *(
        (_section("oidc", _OIDC, **{key: value}), f"oidc.{key}")
        for key, value in [
            ("issuer", '"http://sso.clinic.example"'),
            ("issuer", '"sso.clinic.example"'),
            ("client_id", '""'),
            ("client_secret", '""'),
            ("roles", "{}"),
            ("scopes", '["profile"]'),
            ("roles_claim", '""'),
            ("roles_claim", '"a..b"'),
            ("button_ru", '" "'),
            ("networks", '["inside"]'),
            ("ca_certificate", '"ca.pem"'),
        ]
    ),
    (_section("oidc", _OIDC, roles='{a = "owner"}'), "oidc.roles[...]"),
    (_section("oidc", _OIDC, clinics='{x = "default"}'), "oidc.clinic_claim"),
    (_section("oidc", _OIDC, clinic_claim='"g"', clinics='{x = "nowhere"}'), "oidc"),
    *(
        (_section("mis_tokens", _TOKENS, **{key: value}), f"mis_tokens.{key}")
        for key, value in [
            ("issuer", '"http://sso.clinic.example"'),
            ("audience", '""'),
            ("jwks_url", '"http://sso.clinic.example/jwks"'),
            ("roles", "[]"),
            ("clinic_claim", '""'),
            ("clinics", '{x = "*"}'),
        ]
    ),
    (_section("mis_tokens", _TOKENS, jwks='"{}"', jwks_url='"https://i.example/jwks"'), "mis_tokens.jwks_url"),
    (_section("oidc", _OIDC) + _section("mis_tokens", _TOKENS, audience='"c"'), "mis_tokens"),
]


@dataclass
class File:
    path: Path

    def load(self, text: str, **environment: str) -> Config:
        self.path.write_text(text, "utf-8")
        return load(self.path, environment)

    def refusal(self, text: str, **environment: str) -> str:
        with pytest.raises(ConfigError) as raised:
            self.load(text, **environment)
        sentence = raised.value.sentence.en
        assert SECRET not in sentence + str(raised.value)
        assert "\n" not in sentence
        return sentence.removeprefix("Configuration error: ")


@pytest.fixture
def file(tmp_path: Path) -> File:
    return File(tmp_path / "config.toml")


def test_an_empty_file_is_the_embedded_default(file: File) -> None:
    config = file.load("")
    assert config == Config()
    assert config.database.url == "embedded"
    assert config.storage.kind == "local"
    assert config.server.base_url == "http://127.0.0.1:8080"
    assert not config.server.is_https
    assert config.spool_dir == Path("/var/lib/studypub/spool")


def test_the_file_of_the_interface(file: File) -> None:
    config = file.load(
        """
        [server]
        public_url = "https://studies.clinic.example/"
        [storage]
        kind = "s3"
        [storage.s3]
        endpoint = "https://storage.yandexcloud.net"
        region = "ru-central1"
        bucket = "studies"
        access_key = "a"
        secret_key = "b"
        [logging]
        file = "/var/log/studypub/studypub.log"
        level = "INFO"
        [[clinics]]
        code = "f_Khimki"
        name = "Клиника в Химках"
        [clinics.pacs]
        ae_title = "ORTHANC"
        host = "10.0.0.5"
        port = 4242
        retrieve = "get"
        [[clinics]]
        code = "f_Tver"
        name = "Клиника в Твери"
        time_zone = "Asia/Novosibirsk"
        [clinics.pacs]
        ae_title = "PACS 2"
        host = "pacs.example"
        port = 104
        """
    )
    assert config.server.base_url == "https://studies.clinic.example"
    assert config.server.is_https
    assert config.logging.file == Path("/var/log/studypub/studypub.log")
    assert config.clinics[0] == Clinic(
        code="f_Khimki",
        name="Клиника в Химках",
        pacs=Pacs(ae_title="ORTHANC", host="10.0.0.5", port=4242, retrieve="get"),
    )
    assert config.clinic(None) is config.clinics[0]
    assert config.clinic("f_Tver") is config.clinics[1]
    assert config.clinic("f_Omsk") is None
    assert config.clinics[1].zone.key == "Asia/Novosibirsk"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("sever = 5", "sever"),
        ("[sever]\nport = 1", "sever"),
        ("[server]\nprot = 8080", "server.prot"),
        ("server = 5", "server"),
        ('[server]\nport = "8080"', "server.port"),
        ("[server]\nport = 8080.5", "server.port"),
        ("[server]\nport = true", "server.port"),
        ("[server]\nport = -1", "server.port"),
        ("[server]\nport = 65536", "server.port"),
        ("[server]\nhost = 5", "server.host"),
        ('[mail]\nhost = "h"', "mail.sender"),
        ('[mail]\nhost = "h"\nsender = "nobody"', "mail.sender"),
        ('[mail]\nhost = "h"\nsender = "a@b.example\\nBcc: x@y.example"', "mail.sender"),
        ("[mail]\nport = 0", "mail.port"),
        ('[mail]\nsecurity = "ssl"', "mail.security"),
        ('[mail]\nuser = "u"', "mail.user"),
        (f'[mail]\npassword = "{SECRET}"', "mail.user"),
        (
            f'[mail]\nhost = "h"\nsender = "a@b.c"\nuser = "u"\npassword = "{SECRET}"\nsecurity = "none"',
            "mail.security",
        ),
        *SIGN_ON,
        ('[alerts]\nto = ["a@b.example"]', "mail"),
        ('[alerts]\nto = "a@b.example"', "alerts.to"),
        ('[alerts]\nto = ["a@b.example, c@d.example"]', "alerts.to"),
        ('[alerts]\nlanguage = "de"', "alerts.language"),
        ("[alerts]\nerrors_percent = 101", "alerts.errors_percent"),
        ("[alerts]\nerrors_least = 0", "alerts.errors_least"),
        ("[alerts]\nerrors_hours = 0", "alerts.errors_hours"),
        ("[alerts]\ndisk_free_mb = -1", "alerts.disk_free_mb"),
        ("[alerts]\npacs_minutes = -1", "alerts.pacs_minutes"),
        ("[alerts]\nbackup_hours = inf", "alerts.backup_hours"),
        ('[server]\nhost = ""', "server.host"),
        ('[server]\npublic_url = "studies.clinic.example"', "server.public_url"),
        ('[server]\npublic_url = "ftp://studies.clinic.example"', "server.public_url"),
        ('[server]\npublic_url = "https://"', "server.public_url"),
        ('[server]\npublic_url = "https://[::1"', "server.public_url"),
        ('[server]\npublic_url = "https://clinic.example:99999"', "server.public_url"),
        ('[server]\npublic_url = "https://clinic.example/?a=b"', "server.public_url"),
        ('[server]\ntrusted_proxies = "127.0.0.1"', "server.trusted_proxies"),
        ("[server]\ntrusted_proxies = [1]", "server.trusted_proxies[0]"),
        ('[server]\ntrusted_proxies = ["proxy"]', "server.trusted_proxies"),
        ('[database]\nurl = "mysql://x"', "database.url"),
        (f'[database]\nurl = "mysql://u:{SECRET}@x"', "database.url"),
        ('[database]\ndata_dir = "var"', "database.data_dir"),
        ("[database]\ndata_dir = 5", "database.data_dir"),
        ('[dicom]\nae_title = ""', "dicom.ae_title"),
        ('[dicom]\nae_title = "SEVENTEEN LETTERS"', "dicom.ae_title"),
        ('[dicom]\nae_title = "КЛИНИКА"', "dicom.ae_title"),
        ('[dicom]\nae_title = "A\\\\B"', "dicom.ae_title"),
        ('[dicom]\nae_title = " A"', "dicom.ae_title"),
        ('[dicom]\nae_title = "A\\n"', "dicom.ae_title"),
        ('[dicom]\nhost = ""', "dicom.host"),
        ("[dicom]\nport = 70000", "dicom.port"),
        ("[dicom]\nquiet_seconds = 0", "dicom.quiet_seconds"),
        ("[dicom]\nquiet_seconds = nan", "dicom.quiet_seconds"),
        ("[dicom]\nquiet_seconds = inf", "dicom.quiet_seconds"),
        ("[dicom]\nretrieve_timeout_seconds = -1", "dicom.retrieve_timeout_seconds"),
        ("[dicom]\nconnections_per_peer = 0", "dicom.connections_per_peer"),
        ("[dicom]\nsilence_seconds = 0", "dicom.silence_seconds"),
        ("[dicom]\nretrieve_timeout_seconds = inf", "dicom.retrieve_timeout_seconds"),
        ('[storage]\nkind = "ftp"', "storage.kind"),
        ('[storage]\nkind = "s3"', "storage.s3"),
        (S3.replace("https://storage.example", "storage.example"), "storage.s3.endpoint"),
        (S3.replace("https://storage.example", "https://storage.example/studies"), "storage.s3.endpoint"),
        (S3.replace("https://storage.example", "https://storage.example:port"), "storage.s3.endpoint"),
        (S3.replace("https://storage.example", "https://[storage"), "storage.s3.endpoint"),
        (S3.replace('"studies"', '"Studies"'), "storage.s3.bucket"),
        (S3.replace('"studies"', '"st"'), "storage.s3.bucket"),
        (S3.replace('access_key = "key"\n', ""), "storage.s3.access_key"),
        (S3.replace('"key"', '""'), "storage.s3.access_key"),
        (S3.replace(f'"{SECRET}"', '""'), "storage.s3.secret_key"),
        (S3.replace(f'"{SECRET}"', "12345"), "storage.s3.secret_key"),
        (S3.replace(f'"{SECRET}"', f'["{SECRET}"]'), "storage.s3.secret_key"),
        (S3.replace("secret_key", "secrey_key"), "storage.s3.secrey_key"),
        (S3.replace("secret_key =", "secret_key_file ="), "storage.s3.secret_key_file"),
        (S3 + 'secret_key_file = "/etc/hostname"', "storage.s3.secret_key_file"),
        ("[retention]\ndefault_days = 0", "retention.default_days"),
        ("[retention]\ndefault_days = 366", "retention.default_days"),
        ("[retention]\nmax_days = 0", "retention.max_days"),
        ("[retention]\nmax_days = 1000000", "retention.max_days"),
        ("[workers]\nconcurrency = 0", "workers.concurrency"),
        ("[workers]\nconcurrency = 65", "workers.concurrency"),
        ("[workers]\nmax_attempts = 0", "workers.max_attempts"),
        ("[workers]\nsearch_minutes = -1", "workers.search_minutes"),
        ("[workers]\nsearch_minutes = inf", "workers.search_minutes"),
        ("[workers]\nsearch_interval_seconds = 0", "workers.search_interval_seconds"),
        ("[workers]\nsearch_interval_seconds = 1e300", "workers.search_interval_seconds"),
        ("[workers]\nretry_base_seconds = 0", "workers.retry_base_seconds"),
        ("[workers]\nretry_base_seconds = inf", "workers.retry_base_seconds"),
        ("[workers]\nlease_seconds = 0.5", "workers.lease_seconds"),
        ("[workers]\nlease_seconds = inf", "workers.lease_seconds"),
        ('[logging]\nlevel = "TRACE"', "logging.level"),
        ("[logging]\nfile = 5", "logging.file"),
        ("clinics = []", "clinics"),
        (CLINIC + CLINIC, "clinics"),
        (CLINIC.replace('code = "a"', 'code = "a b"'), "clinics[0].code"),
        (CLINIC.replace('code = "a"\n', ""), "clinics[0].code"),
        (CLINIC.replace('name = "A"', 'name = " "'), "clinics[0].name"),
        (CLINIC.replace('name = "A"', 'name = "A"\ntime_zone = "Moscow"'), "clinics[0].time_zone"),
        (CLINIC.replace('name = "A"', 'name = "A"\ntime_zone = "../etc/passwd"'), "clinics[0].time_zone"),
        (CLINIC.replace('name = "A"', 'name = "A"\ntime_zone = "Europe"'), "clinics[0].time_zone"),
        (CLINIC.replace('name = "A"', 'name = "A"\ntime_zone = ""'), "clinics[0].time_zone"),
        (CLINIC.replace('name = "A"', 'name = "A"\nprofile = "none"'), "clinics[0].profile"),
        (CLINIC.replace('"X"', '"SEVENTEEN LETTERS"'), "clinics[0].pacs.ae_title"),
        (CLINIC.replace("104", "0"), "clinics[0].pacs.port"),
        (CLINIC.replace('"h"', '""'), "clinics[0].pacs.host"),
        (CLINIC + 'retrieve = "push"', "clinics[0].pacs.retrieve"),
        (CLINIC + "titel = 1", "clinics[0].pacs.titel"),
        (CLINIC + '[[clinics.more_pacs]]\nae_title = "X"\nhost = "i"\nport = 104', "clinics[0].more_pacs"),
        (CLINIC + '[[clinics.more_pacs]]\nae_title = "Y"\nhost = "i"\nport = 0', "clinics[0].more_pacs[0].port"),
        ('[[clinics]]\ncode = "a"\nname = "A"', "clinics[0].pacs"),
    ],
)
def test_a_refusal_names_the_place(file: File, text: str, place: str) -> None:
    assert file.refusal(text).startswith(f"{place}: ")


@pytest.mark.parametrize("text", ["[server", "port = ", f"[storage.s3]\nsecret_key = {SECRET}", "a = 1\na = 2"])
def test_what_is_no_toml_is_told_by_file_and_place(file: File, text: str) -> None:
    refusal = file.refusal(text)
    assert refusal.startswith(f"{file.path}: ")
    assert "(at " in refusal


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.toml", tmp_path):
        with pytest.raises(ConfigError) as raised:
            load(path, {})
        assert str(path) in raised.value.sentence.en
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError):
        load(tmp_path / "binary.toml", {})


def test_the_environment_names_the_file(file: File, tmp_path: Path) -> None:
    file.path.write_text("[server]\nport = 1234\n")
    assert load(None, {"STUDYPUB_CONFIG": str(file.path)}).server.port == 1234
    with pytest.raises(ConfigError):
        load(None, {"STUDYPUB_CONFIG": str(tmp_path / "missing")})
    other = tmp_path / "other.toml"
    other.write_text("")
    assert load(other, {"STUDYPUB_CONFIG": str(file.path)}).server.port == 8080


@pytest.mark.parametrize(
    ("name", "text", "read"),
    [
        ("SERVER__PORT", "9000", lambda config: config.server.port == 9000),
        ("SERVER__PUBLIC_URL", "https://x.example", lambda config: config.server.public_url == "https://x.example"),
        ("SERVER__TRUSTED_PROXIES", '["10.0.0.0/8"]', lambda config: config.server.trusted_proxies == ("10.0.0.0/8",)),
        ("DATABASE__DATA_DIR", "/srv/x", lambda config: config.database.data_dir == Path("/srv/x")),
        ("WORKERS__SEARCH_MINUTES", "0.5", lambda config: config.workers.search_minutes == 0.5),
        ("STORAGE__S3__SECRET_KEY", "other", lambda config: config.storage.s3.secret_key == "other"),
        ("STORAGE__S3__SECRET_KEY", "=a/b+c==", lambda config: config.storage.s3.secret_key == "=a/b+c=="),
        ("STORAGE__S3__SECRET_KEY", "12345", lambda config: config.storage.s3.secret_key == "12345"),
        ("STORAGE__S3__SECRET_KEY", "true", lambda config: config.storage.s3.secret_key == "true"),
        ("STORAGE__S3__SECRET_KEY", '"quoted"', lambda config: config.storage.s3.secret_key == '"quoted"'),
        ("STORAGE__S3__SECRET_KEY", "1 # one", lambda config: config.storage.s3.secret_key == "1 # one"),
        ("LOGGING__LEVEL", "DEBUG", lambda config: config.logging.level == "DEBUG"),
    ],
)
def test_the_environment_overrides(file: File, name: str, text: str, read: object) -> None:
    assert callable(read)
    assert read(
        file.load("[server]\nport = 1234\n" + S3, **{f"STUDYPUB_{name}": text, "OTHER__X": "1", "STUDYPUB_X": "1"})
    )


@pytest.mark.parametrize(
    ("name", "text", "place"),
    [
        ("STUDYPUB_SERVER__PORT", "many", "server.port"),
        ("STUDYPUB_SERVER__PROT", "1", "server.prot"),
        ("STUDYPUB_SERVER__PORT__X", "1", "STUDYPUB_SERVER__PORT__X"),
        ("STUDYPUB_CLINICS__CODE", "1", "STUDYPUB_CLINICS__CODE"),
        ("STUDYPUB_STORAGE__S3__BUCKET__", SECRET, "STUDYPUB_STORAGE__S3__BUCKET__"),
    ],
)
def test_an_override_that_cannot_be_used(file: File, name: str, text: str, place: str) -> None:
    assert file.refusal("[server]\nport = 1\n" + S3 + CLINIC, **{name: text}).startswith(f"{place}: ")


def test_secrets_from_files(file: File, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    (tmp_path / "url").write_text("postgresql://u:p@h/d\n")
    text = S3.replace(f'secret_key = "{SECRET}"', f'secret_key_file = "{tmp_path}/secret"')
    config = file.load(f'{text}\n[database]\nurl_file = "{tmp_path}/url"')
    assert config.storage.s3 is not None
    assert config.storage.s3.secret_key == SECRET
    assert config.database.url == "postgresql://u:p@h/d"


def test_a_secret_s_file_must_hold_what_can_be_used(file: File, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("")
    text = S3.replace(f'secret_key = "{SECRET}"', f'secret_key_file = "{tmp_path}/secret"')
    assert file.refusal(text).startswith("storage.s3.secret_key: ")
    (tmp_path / "secret").write_bytes(b"\xff\xfe" + SECRET.encode())
    assert file.refusal(text).startswith("storage.s3.secret_key_file: ")
    (tmp_path / "secret").write_text(f"mysql://{SECRET}")
    assert file.refusal(f'[database]\nurl_file = "{tmp_path}/secret"').startswith("database.url: ")


def test_secrets_are_not_shown(file: File) -> None:
    config = file.load(S3 + f'[database]\nurl = "postgresql://u:{SECRET}@h/d"')
    assert SECRET not in repr(config)
