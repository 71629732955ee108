// Colours, once for the page's figures in light and dark. Hues are Okabe and Ito's, which the colour-blind can tell apart.
const heddleTheme = (() => {
  "use strict";
  const light = {
    paper: "#ffffff", ink: "#1c2127", muted: "#5c6670", faint: "#b4bbc2", grid: "#e6e9ec", wash: "#f3f5f7",
    c1: "#0072b2", c2: "#d55e00", c3: "#009e73", c4: "#b0578d", c5: "#b88000", c6: "#3d8fc4",
    cold: "#0a5a9c", mid: "#ffffff", warm: "#c2410c", heat: "#dd3b26", heatMid: "#fbc55a", band: "#0072b2",
  };
  const dark = {
    paper: "#15181c", ink: "#e7eaed", muted: "#a0a9b2", faint: "#59626b", grid: "#2a3037", wash: "#1e2329",
    c1: "#5bb6ee", c2: "#f2914f", c3: "#35c99f", c4: "#e39ac4", c5: "#e6b84a", c6: "#8ecbf2",
    cold: "#5bb6ee", mid: "#1b2026", warm: "#ff9a5c", heat: "#c9402c", heatMid: "#7d5a1c", band: "#5bb6ee",
  };
  // Texts "@name" in a specification stand for a colour of the theme.
  function paint(value, colours) {
    if (typeof value === "string") return value.replace(/@([a-zA-Z][a-zA-Z0-9]*)/g, (all, name) => colours[name] || all);
    if (Array.isArray(value)) return value.map((entry) => paint(entry, colours));
    if (value && typeof value === "object") {
      const out = {};
      for (const key of Object.keys(value)) out[key] = key === "values" ? value[key] : paint(value[key], colours);
      return out;
    }
    return value;
  }
  function config(colours) {
    const font = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif";
    return {
      background: null,
      font,
      axis: {
        labelFont: font, titleFont: font, labelFontSize: 11, titleFontSize: 11.5, titleFontWeight: 500,
        labelColor: colours.muted, titleColor: colours.ink, domainColor: colours.faint, tickColor: colours.faint,
        gridColor: colours.grid, tickSize: 4, labelPadding: 4, titlePadding: 8,
      },
      title: { font, fontSize: 12.5, fontWeight: 600, color: colours.ink, anchor: "start", offset: 8 },
      legend: {
        labelFont: font, titleFont: font, labelFontSize: 11.5, titleFontSize: 11.5, titleFontWeight: 500,
        labelColor: colours.ink, titleColor: colours.ink, symbolSize: 70, columnPadding: 18,
      },
      text: { font, fontSize: 11, fill: colours.ink },
      group: { stroke: null },
    };
  }
  function isDark() {
    const forced = document.documentElement.dataset.theme;
    if (forced) return forced === "dark";
    return window.matchMedia("(prefers-color-scheme: dark)").matches;
  }
  return { light, dark, paint, config, isDark, colours: (darkly) => (darkly ? dark : light) };
})();
