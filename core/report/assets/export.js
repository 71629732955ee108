// heddle report --figures: every figure as SVG text, base64 in the document, or what went wrong.
(async () => {
  "use strict";
  const { figures, specs } = JSON.parse(document.getElementById("report-data").textContent);
  for (const figure of figures) {
    const out = document.createElement("pre");
    out.dataset.figure = figure.id;
    document.body.appendChild(out);
    const stage = document.createElement("div");
    document.body.appendChild(stage);
    try {
      await heddleFigures.draw(stage, figure, specs, false, 900);
      const svg = stage.querySelector("svg");
      if (svg.querySelectorAll("path, text").length < 3) throw new Error("nothing was drawn");
      svg.setAttribute("xmlns", "http://www.w3.org/2000/svg");
      svg.setAttribute("xmlns:xlink", "http://www.w3.org/1999/xlink");
      // Vega names gradients by the address of the page they were drawn in; in a file of their own only the fragment holds.
      const drawn = new XMLSerializer().serializeToString(svg).replaceAll(location.href.split("#")[0] + "#", "#");
      const bytes = new TextEncoder().encode(drawn);
      let text = "";
      for (const byte of bytes) text += String.fromCharCode(byte);
      out.textContent = btoa(text);
    } catch (error) {
      out.dataset.error = String(error);
    }
    stage.remove();
  }
})();
