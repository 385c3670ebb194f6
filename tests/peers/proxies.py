"""Runs the reverse proxies that the manuals show, by these very files, on ports of their own."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.peers.certificates import Pair
from tests.peers.program import free_port, listens, running
from tests.peers.resources import peak_memory

EXAMPLES = Path(__file__).parents[2] / "docs/proxy"
NAME = "studies.clinic.example"
_NGINX = """
daemon off;
user root;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log info;
events {{}}
http {{
    gzip on;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/temp;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/studypub.conf;
}}
"""


_FORWARDING = """
daemon off;
user root;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port}{tls};
        location / {{
            {location}
        }}
    }}
}}
"""


@dataclass(frozen=True)
class Proxy:
    """A running one."""

    kind: str
    folder: Path
    port: int
    plain_port: int
    pid: int

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    def logs(self) -> str:
        """Return whatever it has written down."""
        return "".join(path.read_text("utf-8", "replace") for path in self.folder.glob("*.log"))

    def kept(self) -> list[str]:
        """Return the files of answers that it has put aside; nginx takes their names away at once."""
        open_files = (fd.readlink() for pid in self._processes() for fd in Path(f"/proc/{pid}/fd").iterdir())
        return [str(path) for path in open_files if path.is_relative_to(self.folder / "temp")]

    def memory(self) -> int:
        """Return the most bytes that its processes have ever held."""
        return sum(peak_memory(pid) for pid in self._processes())

    def _processes(self) -> list[str]:
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text("ascii").split()
        return [str(self.pid), *children]


@contextmanager
def nginx(folder: Path, backend: int, port: int, plain_port: int, pair: Pair) -> Iterator[Proxy]:
    text = changed(
        "nginx.conf",
        {
            "listen 80;": f"listen 127.0.0.1:{plain_port};",
            "listen 443 ssl http2;": f"listen 127.0.0.1:{port} ssl http2;",
            "    listen [::]:80;\n": "",
            "    listen [::]:443 ssl http2;\n": "",
            "https://$server_name$request_uri": f"https://$server_name:{port}$request_uri",
            f"/etc/letsencrypt/live/{NAME}/fullchain.pem": str(pair.certificate),
            f"/etc/letsencrypt/live/{NAME}/privkey.pem": str(pair.key),
            "/var/log/nginx/studypub.log": f"{folder}/access.log",
            "/var/log/nginx/studypub-error.log": f"{folder}/site.log",
            "/var/www/certbot": f"{folder}/certbot",
            "127.0.0.1:8080": f"127.0.0.1:{backend}",
            NAME: "localhost",
        },
    )
    (folder / "studypub.conf").write_text(text, "utf-8")
    (folder / "nginx.conf").write_text(_NGINX.format(folder=folder), "utf-8")
    with running(["nginx", "-c", folder / "nginx.conf"], folder / "output.log", lambda: listens(port)) as process:
        yield Proxy("nginx", folder, port, plain_port, process.pid)


@contextmanager
def forwarding(folder: Path, location: str, pair: Pair | None) -> Iterator[str]:
    """Run nginx that does what this `location` says, with TLS where there is a pair; give its address."""
    port, settings = free_port(), folder / "nginx.conf"
    tls = f" ssl; ssl_certificate {pair.certificate}; ssl_certificate_key {pair.key}" if pair else ""
    settings.write_text(_FORWARDING.format(folder=folder, port=port, tls=tls, location=location))
    with running(["nginx", "-c", settings], folder / "nginx.out", lambda: listens(port)):
        yield f"{'https' if pair else 'http'}://localhost:{port}"


@contextmanager
def caddy(folder: Path, backend: int, port: int, plain_port: int, pair: Pair) -> Iterator[Proxy]:
    ours = f"\tadmin off\n\tdefault_bind 127.0.0.1\n\thttp_port {plain_port}\n\thttps_port {port}\n"
    text = changed(
        "Caddyfile",
        {
            "\n{\n": f"\n{{\n{ours}",
            f"\n{NAME} {{\n": f"\nlocalhost {{\n\ttls {pair.certificate} {pair.key}\n\tlog\n",
            "127.0.0.1:8080": f"127.0.0.1:{backend}",
        },
    )
    (folder / "Caddyfile").write_text(text, "utf-8")
    command: list[str | Path] = ["caddy", "run", "--config", folder / "Caddyfile", "--adapter", "caddyfile"]
    own = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    with running(command, folder / "output.log", lambda: listens(port), own) as process:
        yield Proxy("caddy", folder, port, plain_port, process.pid)


def changed(name: str, replaced: dict[str, str]) -> str:
    """Return an example as this machine needs it; what is to be replaced must be there."""
    text = (EXAMPLES / name).read_text("utf-8")
    for was, becomes in replaced.items():
        assert was in text, was
        text = text.replace(was, becomes)
    return text
