// Draws the report's figures by their Vega specifications and offers their rows as CSV.
const heddleFigures = (() => {
  "use strict";
  const vega = heddleModules.vega();
  const views = new Map();  // element -> view, so that a redraw ends the old one

  function objects(figure) {
    const names = figure.columns.map((column) => column.name);
    return figure.rows.map((row) => {
      const out = {};
      names.forEach((name, i) => { out[name] = row[i]; });
      return out;
    });
  }

  // The specification with data, width, colours and the figure's own signals.
  function specification(figure, specs, width, dark) {
    const colours = heddleTheme.colours(dark);
    const spec = heddleTheme.paint(specs[figure.spec], colours);
    spec.data = spec.data.map((entry) => (entry.name === "rows" ? Object.assign({}, entry, { values: objects(figure) }) : entry));
    const given = Object.assign({ W: Math.max(280, Math.floor(width)) }, figure.params);
    const signals = (spec.signals || []).filter((signal) => !(signal.name in given));
    spec.signals = Object.keys(given).map((name) => ({ name, value: given[name] })).concat(signals);
    spec.config = heddleTheme.config(colours);
    spec.description = figure.title;
    return spec;
  }

  function view(figure, specs, width, dark) {
    return new vega.View(vega.parse(specification(figure, specs, width, dark)), { renderer: "svg", logLevel: vega.Warn });
  }

  // The drawing is there when the promise is: Vega evaluates in a microtask, so before the next event.
  async function draw(element, figure, specs, dark, width) {
    const drawn = view(figure, specs, width || element.clientWidth, dark).initialize(element);
    if (views.has(element)) views.get(element).finalize();
    views.set(element, drawn);
    await drawn.runAsync();
    const svg = element.querySelector("svg");
    if (!svg) return;
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", figure.title + ". " + (figure.caption || ""));
  }

  function csvField(value) {
    if (value === null || value === undefined) return "";
    const text = String(value);
    return /[",\r\n]/.test(text) ? '"' + text.replace(/"/g, '""') + '"' : text;
  }
  function csv(figure) {
    const lines = [figure.columns.map((column) => csvField(column.name)).join(",")];
    for (const row of figure.rows) lines.push(row.map(csvField).join(","));
    return lines.join("\r\n") + "\r\n";
  }
  // A link that needs no network and no server.
  function csvLink(figure) {
    const link = document.createElement("a");
    link.className = "csv";
    link.download = figure.id + ".csv";
    link.textContent = "CSV";
    link.title = "the numbers of this " + (figure.spec ? "figure" : "table");
    link.href = "data:text/csv;charset=utf-8," + encodeURIComponent(csv(figure));
    return link;
  }
  return { view, draw, csv, csvLink, specification };
})();
