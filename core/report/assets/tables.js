// Tables of the report: the same columns and rows that the CSV holds.
const heddleTables = (() => {
  "use strict";
  function text(value, column) {
    if (typeof value === "number" && column.digits >= 0) return value.toFixed(column.digits).replace("-", "−");
    return String(value);
  }

  // options: feature(number) opens a feature.
  function table(figure, options) {
    const params = figure.params || {};
    const shown = figure.columns.map((column, index) => ({ column, index })).filter(({ column }) => column.title !== "");
    const place = new Map(figure.columns.map((column, index) => [column.name, index]));
    const isText = new Map(shown.map(({ column, index }) =>
      [column.name, !(column.digits >= 0) && figure.rows.some((row) => typeof row[index] === "string" && !isFinite(row[index]))]));
    const out = document.createElement("table");
    const head = out.createTHead().insertRow(), body = out.createTBody();
    let order = figure.rows.map((row, index) => index);

    function fill() {
      body.replaceChildren();
      order.forEach((index, at) => {
        const row = figure.rows[index], line = body.insertRow();
        if ((params.emphasis === "first" && index === 0) || (params.emphasis === "last" && index === figure.rows.length - 1)) line.className = "strong";
        for (const { column, index: c } of shown) {
          const cell = line.insertCell(), value = row[c];
          if (isText.get(column.name)) cell.className = "text";
          if (value === null || value === undefined) {
            cell.classList.add("none");
            cell.textContent = index === figure.rows.length - 1 && params.emphasis === "last" ? "" : "–";
            const reason = params.reasons && params.reasons[row[0]];
            if (reason) cell.title = reason;
            continue;
          }
          if (column.name === params.links && options.feature) {
            const link = document.createElement("a");
            link.href = "#feature-" + value;
            link.textContent = value;
            link.addEventListener("click", (event) => { event.preventDefault(); options.feature(value); });
            cell.appendChild(link);
            continue;
          }
          cell.textContent = text(value, column);
          const deviation = column.spread ? row[place.get(column.spread)] : null;
          if (deviation !== null && deviation !== undefined) {
            const spread = document.createElement("span");
            spread.className = "spread";
            spread.textContent = " ± " + deviation.toFixed(Math.max(column.digits, 0));
            cell.appendChild(spread);
          }
        }
      });
    }

    let sorted = -1, falling = false;
    for (const { column, index } of shown) {
      const cell = document.createElement("th");
      cell.scope = "col";
      cell.textContent = column.title;
      if (isText.get(column.name)) cell.className = "text";
      if (params.sortable) {
        cell.classList.add("sortable");
        cell.tabIndex = 0;
        const sort = () => {
          falling = sorted === index ? !falling : !isText.get(column.name);
          sorted = index;
          const key = (row) => (row[index] === null ? null : isFinite(row[index]) && row[index] !== "" ? Number(row[index]) : row[index]);
          order.sort((a, b) => {
            const x = key(figure.rows[a]), y = key(figure.rows[b]);
            if (x === null || y === null) return (x === null) - (y === null);
            const less = typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y), undefined, { numeric: true });
            return falling ? -less : less;
          });
          for (const other of head.cells) other.removeAttribute("aria-sort");
          cell.setAttribute("aria-sort", falling ? "descending" : "ascending");
          fill();
        };
        cell.addEventListener("click", sort);
        cell.addEventListener("keydown", (event) => { if (event.key === "Enter") sort(); });
      }
      head.appendChild(cell);
    }
    fill();
    const scroll = document.createElement("div");
    scroll.className = figure.rows.length > 24 ? "scroll tall" : "scroll";
    scroll.appendChild(out);
    return scroll;
  }
  return { table };
})();
