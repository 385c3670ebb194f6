"""Makes scripts half as large, by esbuild: a browser reads them that much faster."""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

_SECONDS: Final = 600


def minified(files: Mapping[str, bytes], esbuild: bytes) -> dict[str, bytes]:
    """Return the files, scripts among them minified by this program."""
    scripts = [name for name in files if name.endswith(".js")]
    with TemporaryDirectory(prefix="studypub-esbuild-") as name:
        program, made = Path(name, "esbuild"), Path(name, "made")
        program.write_bytes(esbuild)
        program.chmod(0o700)
        for script in scripts:
            Path(name, script).write_bytes(files[script])
        options = ["--minify", "--legal-comments=none", "--log-level=error", f"--outdir={made}"]
        subprocess.run([str(program), *options, *scripts], check=True, timeout=_SECONDS, cwd=name)
        return {**files, **{script: (made / script).read_bytes() for script in scripts}}
