"""Makes the data folder of this release, kept in tests/fixtures and opened by later releases.

    python -m tests.support.keep_data_folder

It holds one plain and one secured cluster of the fake driver.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from tests.support.running import getting_started, running_service

from searchplane import __version__

FOLDER = Path(__file__).parent.parent / "fixtures" / f"data-{__version__}"
KEPT = ("searchplane.db", "admin.json", "keys", "seals", "fake")
PASSWORD = {"SEARCHPLANE_ADMIN_PASSWORD": "kept for later releases"}
SECURED = {"authorityEnable": True, "httpsEnable": True, "adminPwd": "Kept-4-later"}


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        data = Path(name)
        with running_service(data, {"SEARCHPLANE_DRIVER": "fake"} | PASSWORD) as service:
            plain, secured = getting_started("kept-plain"), getting_started("kept-secured")
            secured["cluster"] |= SECURED
            with service.project_client() as client:
                for body in (plain, secured):
                    client.post("/clusters", json=body).raise_for_status()
                while any(
                    one["status"] != "200" for one in client.get("/clusters").json()["clusters"]
                ):
                    pass  # every question is a request; two fake clusters take a moment
        shutil.rmtree(FOLDER, ignore_errors=True)
        FOLDER.mkdir(parents=True)
        for kept in KEPT:
            source = data / kept
            copy = shutil.copytree if source.is_dir() else shutil.copyfile
            copy(source, FOLDER / kept)


if __name__ == "__main__":
    main()
