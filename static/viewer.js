"use strict";
// Settles OHIF Viewer before it starts: this link's study, and no list, no other sources, no patient, no tours.

(() => {
  const { link, study, back } = document.documentElement.dataset;
  // Before the viewport meta counts, only the screen tells.
  const phone = Math.min(screen.width, screen.height) < 600;

  history.replaceState(null, "", `${link}/view?StudyInstanceUIDs=${study}`);
  document.cookie = "i18next=; path=/; max-age=0";
  try {
    localStorage.setItem("i18nextLng", document.documentElement.lang === "ru" ? "ru" : "en-US");
  } catch { /* a browser that keeps nothing: the viewer goes by its language */ }

  // Only microscopy, which is not served, would load more programs.
  window.browserImportFunction = () => Promise.reject(new Error("not served"));

  const source = {
    namespace: "@ohif/extension-default.dataSourcesModule.dicomweb",
    sourceName: "dicomweb",
    configuration: {
      friendlyName: "",
      name: "link",
      qidoRoot: `${location.origin}${link}/dicomweb`,
      wadoRoot: `${location.origin}${link}/dicomweb`,
      imageRendering: "wadors",
      thumbnailRendering: "wadors",
      enableStudyLazyLoad: true,
      supportsFuzzyMatching: false,
      supportsWildcard: false,
      supportsStow: false,
      supportsReject: false,
      dicomUploadEnabled: false,
      omitQuotationForMultipartRequest: true,
    },
  };

  const primary = phone
    ? ["WindowLevel", "Zoom", "MoreTools"]
    : ["WindowLevel", "Zoom", "Pan", "StackScroll", "MeasurementTools", "Layout", "Crosshairs", "TrackballRotate", "MoreTools"];
  const more = ["Reset", "invert", "rotate-right", "flipHorizontal", "Cine"];

  function modes() {
    return {
      "@ohif/mode-basic": {
        routeName: { $set: "view" },
        extensions: { $set: {
          "@ohif/extension-default": "^3.0.0",
          "@ohif/extension-cornerstone": "^3.0.0",
          "@ohif/extension-cornerstone-dicom-seg": "^3.0.0", // the toolbar refers to it
        } },
        sopClassHandlers: { $set: ["@ohif/extension-default.sopClassHandlerModule.stack"] },
        routes: { 0: { layoutInstance: { props: {
          leftPanelClosed: { $set: phone },
          rightPanels: { $set: phone ? [] : ["@ohif/extension-cornerstone.panelModule.panelMeasurement"] },
          viewports: { $set: [{
            namespace: "@ohif/extension-cornerstone.viewportModule.cornerstone",
            displaySetsToDisplay: ["@ohif/extension-default.sopClassHandlerModule.stack"],
          }] },
        } } } },
        ...(phone ? { initToolGroups: { $apply: (original) => (services) => {
          original(services);
          oneFingerLeafs(services.toolGroupService.getToolGroup("default"));
        } } } : {}),
      },
    };
  }

  function oneFingerLeafs(group) {
    group.setToolPassive("WindowLevel");
    group.setToolActive("StackScroll", { bindings: [{ mouseButton: 1 }, { numTouchPoints: 1 }] });
  }

  function config() {
    window.modes.splice(0, Infinity, "@ohif/mode-basic");
    window.extensions.splice(2);
    return {
      routerBasename: link,
      extensions: [],
      modes: [],
      dataSources: [source],
      defaultDataSourceName: "dicomweb",
      showStudyList: false,
      showPatientInfo: "disabled",
      showErrorDetails: "production",
      showLoadingIndicator: true,
      showWarningMessageForCrossOrigin: false,
      showCPUFallbackMessage: true,
      investigationalUseDialog: { option: "never" },
      maxNumRequests: { interaction: 20, thumbnail: 5, prefetch: 10 },
      // Closed meanwhile, or its PIN is asked for anew: the link's own page says so.
      httpErrorHandler: (error) => {
        if (error && (error.status === 403 || error.status === 410)) location.replace(link);
      },
      whiteLabeling: {
        createLogoComponentFn: (React) => React.createElement("a", { href: link, className: "back-to-link" }, back),
      },
      customizationService: { global: {
        "ohif.tours": { $set: [] },
        "cornerstone.toolbarSections": { $merge: {
          primary,
          MoreTools: phone ? [...more, "Length"] : [...more, "ReferenceLines", "ImageSliceSync", "Probe", "Angle", "CobbAngle", "Magnify"],
        } },
      } },
      modesConfiguration: modes(),
    };
  }

  // The program asks for these two before it calls.
  window.config = Object.assign(config, { routerBasename: link, dataSources: [source] });
})();
