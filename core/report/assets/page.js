// Puts the page together: summary, tables, figures one after the other, browser, runs; themes, widths and print.
const heddlePage = (() => {
  "use strict";
  const $ = (id) => document.getElementById(id);
  const plots = [];  // {element, figure}
  let specs = {}, printing = false;
  const dark = () => !printing && heddleTheme.isDark();

  function element(tag, className, text) {
    const out = document.createElement(tag);
    if (className) out.className = className;
    if (text !== undefined) out.textContent = text;
    return out;
  }
  function block(figure) {
    const out = element("figure"), head = element("div", "head");
    out.id = figure.id;
    head.append(element("h3", "", figure.title), heddleFigures.csvLink(figure));
    out.appendChild(head);
    if (figure.spec) {
      const stage = element("div", "plot");
      out.appendChild(stage);
      plots.push({ element: stage, figure });
    } else {
      out.appendChild(heddleTables.table(figure, { feature: (number) => heddleBrowser.open(number, true) }));
    }
    if (figure.caption) out.appendChild(element("figcaption", "", figure.caption));
    return out;
  }
  async function drawOne({ element: stage, figure }, width) {
    try {
      await heddleFigures.draw(stage, figure, specs, dark(), width);
    } catch (error) {
      stage.replaceChildren(element("p", "failed", "This figure could not be drawn: " + error));
      console.error(figure.id, error);
    }
  }
  // One figure per turn, so that the page answers while they are drawn.
  async function drawAll() {
    for (const plot of plots) {
      await drawOne(plot);
      await new Promise((next) => setTimeout(next, 0));
    }
  }

  const choices = ["system", "light", "dark"];
  function setTheme(choice) {
    if (choice === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = choice;
    try { localStorage.setItem("heddle-theme", choice); } catch (error) { /* a page from a file may have no storage */ }
    $("theme").textContent = { system: "◐ system", light: "○ light", dark: "● dark" }[choice];
    $("theme").dataset.choice = choice;
    showTheme();
  }
  function showTheme() { document.documentElement.toggleAttribute("data-dark", heddleTheme.isDark()); }
  function redraw() { showTheme(); drawAll(); heddleBrowser.redraw(); }

  function start() {
    const report = JSON.parse($("report-data").textContent), browser = JSON.parse($("browser-data").textContent);
    specs = report.specs;
    let stored = "system";
    try { stored = localStorage.getItem("heddle-theme") || "system"; } catch (error) { /* as above */ }
    setTheme(choices.includes(stored) ? stored : "system");
    $("title").textContent = $("headline").textContent = report.title;
    for (const [name, id] of [["Summary", "summary"], ["Figures", "figures"], ["Features", "features"], ["Runs", "runs"], ["About", "about"]]) {
      const link = element("a", "", name);
      link.href = "#" + id;
      $("nav").appendChild(link);
    }
    for (const entry of report.headlines) {
      const card = element("div", "card");
      card.append(element("div", "value", entry.value.replace(/^-/, "−")), element("div", "label", entry.label), element("div", "note", entry.note));
      $("cards").appendChild(card);
    }
    for (const [name, text] of report.protocol) $("protocol").append(element("dt", "", name), element("dd", "", text));
    for (const figure of report.figures) $("figures").appendChild(block(figure));
    $("runs").appendChild(block(report.runs));
    if (report.absent.length) {
      const list = element("ul");
      for (const entry of report.absent) list.appendChild(element("li", "", entry.title + ": " + entry.why));
      $("absent").append(element("p", "", "Not in these runs:"), list);
    }
    $("settings").textContent = JSON.stringify(report.settings, null, 1);
    $("made").textContent = "Made by heddle " + report.version + " report.";
    heddleBrowser.start(browser, specs);
    // For whoever measures: when the page can be used, and when its last figure stands.
    window.heddleReadyAt = performance.now();
    drawAll().then(() => {
      window.heddleDrawnAt = performance.now();
      document.documentElement.dataset.ready = "true";
    });

    $("theme").addEventListener("click", () => {
      setTheme(choices[(choices.indexOf($("theme").dataset.choice) + 1) % choices.length]);
      redraw();
    });
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
    let width = document.documentElement.clientWidth, timer = 0;
    window.addEventListener("resize", () => {
      clearTimeout(timer);
      timer = setTimeout(() => {
        if (Math.abs(document.documentElement.clientWidth - width) < 8 || printing) return;
        width = document.documentElement.clientWidth;
        redraw();
      }, 150);
    });
    // Paper is light and about 700 pixels wide, whatever the window is.
    window.addEventListener("beforeprint", () => {
      printing = true;
      for (const plot of plots) drawOne(plot, 700);
      heddleBrowser.redraw();
    });
    window.addEventListener("afterprint", () => { printing = false; redraw(); });
  }
  return { start, dark };
})();
heddlePage.start();
