"""Verifies a mirror with python-tuf's ngclient: refresh, then download of every target.

Arguments: folder of the mirror, first root. Prints the names of the targets.
"""
import json
import os
import sys
import tempfile

from tuf.api.exceptions import DownloadHTTPError
from tuf.ngclient import FetcherInterface, Updater, UpdaterConfig


class Folder(FetcherInterface):
    """A mirror without a network."""

    def __init__(self, folder):
        self.folder = folder

    def _fetch(self, url):
        try:
            with open(os.path.join(self.folder, url.removeprefix("folder:")), "rb") as file:
                yield file.read()
        except FileNotFoundError:
            raise DownloadHTTPError(url, 404) from None


mirror, root = sys.argv[1:]
with tempfile.TemporaryDirectory() as ground, open(root, "rb") as file:
    # Names of targets contain their digest already.
    config = UpdaterConfig(prefix_targets_with_hash=False)
    updater = Updater(
        os.path.join(ground, "metadata"), "folder:metadata/", ground, "folder:targets/",
        fetcher=Folder(mirror), config=config, bootstrap=file.read(),
    )
    updater.refresh()
    with open(os.path.join(ground, "metadata", "targets.json"), "rb") as file:
        names = json.load(file)["signed"]["targets"]
    for name in names:
        info = updater.get_targetinfo(name)
        updater.download_target(info, os.path.join(ground, "target"))
        print(name)
