"""Which viewer it is: the version that works as we patch, configure and serve it, and what is known of that."""

from typing import Final

VERSION: Final = "3.13.2"
PACKAGE: Final = f"@ohif/app@{VERSION}"
INTEGRITY: Final = "sha512-WZdxmpmG7rqFgW9ZJLcbgr3XCtLi1KDNPoMaeY5PPe6j4G4fjEjjkycZM6C6Zk2F87BKxFfpq+jd5xXZB9E8EA=="

# Browsers keep what lies under an address for good: the last number goes up when we make something else of a version.
EDITION: Final = f"{VERSION}-1"
ADDRESS: Final = f"/viewer/{EDITION}/"

# It runs without node. For other machines, and without npm, the viewer stays as large as it is.
MINIFIER: Final = "@esbuild/linux-x64@0.28.2"
MINIFIER_INTEGRITY: Final = (
    "sha512-4xTZr1FUmSoQW4XIWmit3tzQrUTZM+N3P0XV8xROKYF50XfI7xeO90+1bZvNwxIufQ9hDQVRJH5YhgPVF8A/HQ=="
)

# How often the root of the host is compiled in as the place of its files: into scripts, and into the style sheet.
ROOTS_IN_SCRIPTS: Final = 8
ROOTS_IN_STYLES: Final = 5

NAMES: Final = (
    "@ohif/mode-basic",
    "@ohif/extension-default",
    "@ohif/extension-cornerstone",
    "@ohif/extension-cornerstone-dicom-seg",
    "cornerstone.toolbarSections",
    "createLogoComponentFn",
    "dicomweb",
    "enableStudyLazyLoad",
    "httpErrorHandler",
    "imageRendering",
    "initToolGroups",
    "investigationalUseDialog",
    "layoutInstance",
    "leftPanelClosed",
    "modesConfiguration",
    "ohif.tours",
    "rightPanels",
    "routerBasename",
    "showErrorDetails",
    "showPatientInfo",
    "showStudyList",
    "thumbnailRendering",
    "window.extensions",
    "window.modes",
)
"""What static/viewer.js speaks of; a viewer that has another name for it would show more than one study, or nothing."""
