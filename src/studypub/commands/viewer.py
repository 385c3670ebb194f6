"""OHIF Viewer is installed, for links to be opened in."""

import argparse
import os
import platform
import sys

from studypub import config
from studypub.commands.language import language
from studypub.errors import Sentence
from studypub.viewer import edition, obtain
from studypub.viewer.install import install as put_in_place

_LARGE = Sentence(
    "Скрипты не уменьшены: esbuild скачивается только через npm и только на Linux x86-64. Просмотр работает и так.",
    "The scripts are not minified: esbuild is fetched by npm only, and on Linux x86-64. The viewer works all the same.",
)


def install(options: argparse.Namespace) -> int:
    """Fetch the viewer, or take the given file, and print where it is installed."""
    folder = options.folder or config.load(options.config, os.environ).database.data_dir / "viewer"
    viewer = obtain.taken(options.tarball) if options.tarball else obtain.fetched(edition.PACKAGE)
    minifies = not options.tarball and (sys.platform, platform.machine()) == ("linux", "x86_64")
    esbuild = obtain.fetched(edition.MINIFIER) if minifies else None
    if esbuild is None:
        print(f"studypub: {getattr(_LARGE, language())}", file=sys.stderr)
    print(put_in_place(folder, viewer, esbuild, quality=options.quality))
    return 0
