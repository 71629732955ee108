// The feature browser: search, a list that grows as it is scrolled, and a page per feature.
const heddleBrowser = (() => {
  "use strict";
  const rowsAtOnce = 80;
  const $ = (id) => document.getElementById(id);
  let data, specs, current, featureOpen = -1, matches = [], shown = 0, lowerTitles, plotted = null;

  function element(tag, className, text) {
    const out = document.createElement(tag);
    if (className) out.className = className;
    if (text !== undefined) out.textContent = text;
    return out;
  }
  const short = (name) => name.slice(name.indexOf(":") + 1);
  const fixed = (value, digits) => (value === null || value === undefined ? "–" : value.toFixed(digits).replace("-", "−"));
  function percent(rate) {
    if (rate === 0) return "0 %";
    const value = rate * 100;
    return (value < 0.01 ? value.toPrecision(1) : value.toFixed(value < 1 ? 2 : 1)) + " %";
  }

  const stride = () => current.metrics.length + 1;
  // The feature's score with an attribute among its best ones, or undefined.
  function scoreWith(feature, attribute) {
    const list = current.attr[feature], step = stride();
    for (let i = 0; i < list.length; i += step) if (list[i] === attribute) return list[i + 1 + current.by];
    return undefined;
  }
  const bestScore = (feature) => (current.attr[feature].length ? current.attr[feature][1 + current.by] : -Infinity);

  const orders = {
    score: (a, b) => bestScore(b) - bestScore(a) || a - b,
    rate: (a, b) => current.rate[b] - current.rate[a] || a - b,
    max: (a, b) => current.max[b] - current.max[a] || a - b,
    number: (a, b) => a - b,
  };

  // Features for a text: those of an attribute by score, then those whose strongest items have it in their titles.
  function search(text) {
    const query = text.trim().toLowerCase(), order = orders[$("order").value] || orders.score;
    const all = Array.from(current.rate, (rate, feature) => feature);
    if (query === "") return all.sort(order).map((feature) => ({ feature }));
    const number = /^#?(\d+)$/.exec(query);
    const attributes = new Map();
    current.attributes.forEach((name, index) => { if (name.toLowerCase().includes(query)) attributes.set(index, name); });
    const items = new Set();
    lowerTitles.forEach((title, index) => { if (title.includes(query)) items.add(index); });
    const step = stride(), found = [];
    for (const feature of all) {
      if (number && feature === Number(number[1])) { found.push({ feature, rank: Infinity }); continue; }
      let match = null;
      const list = current.attr[feature];
      for (let i = 0; i < list.length; i += step)
        if (attributes.has(list[i]) && (match === null || list[i + 1 + current.by] > match.score))
          match = { feature, rank: 1e6, attribute: list[i], score: list[i + 1 + current.by] };
      if (match && match.score > 0.02) { found.push(match); continue; }
      const top = current.items[feature];
      let hits = 0, first = -1;
      for (let i = 0; i < top.length; i += 3) if (items.has(top[i])) { hits += 1 / (1 + i / 3); if (first < 0) first = top[i]; }
      if (current.seq) for (const sequence of current.seq[feature]) {
        sequence[2].forEach((item, i) => {
          if (sequence[3][i] > 0.5 * current.max[feature] && items.has(item)) { hits += 0.3; if (first < 0) first = item; }
        });
      }
      if (hits > 0) found.push({ feature, rank: hits, item: first });
    }
    return found.sort((a, b) => b.rank - a.rank || (b.score ?? -1) - (a.score ?? -1) || order(a.feature, b.feature));
  }

  function row(match) {
    const { feature } = match, line = element("li"), button = element("button");
    button.type = "button";
    button.dataset.feature = feature;
    const list = current.attr[feature];
    const attribute = match.attribute !== undefined ? match.attribute : list.length ? list[0] : -1;
    const score = attribute < 0 ? null : scoreWith(feature, attribute);
    button.append(element("span", "number", feature), element("span", "what", attribute < 0 ? "never active" : short(current.attributes[attribute])));
    const value = element("span", "score", score === null || score === undefined ? "–" : fixed(score, 2));
    value.style.setProperty("--share", Math.max(0, Math.min(1, score || 0)) * 100 + "%");
    button.appendChild(value);
    const top = current.items[feature];
    const titles = [];
    if (match.item !== undefined) titles.push(data.titles[match.item]);
    for (let i = 0; i < top.length && titles.length < 2; i += 3) if (top[i] !== match.item) titles.push(data.titles[top[i]]);
    if (titles.length) button.appendChild(element("span", "why", percent(current.rate[feature]) + " · " + titles.join(", ")));
    if (feature === featureOpen) button.setAttribute("aria-current", "true");
    button.addEventListener("click", () => open(feature, true));
    line.appendChild(button);
    return line;
  }
  function grow() {
    const part = document.createDocumentFragment();
    for (const match of matches.slice(shown, shown + rowsAtOnce)) part.appendChild(row(match));
    shown = Math.min(matches.length, shown + rowsAtOnce);
    $("list").appendChild(part);
  }
  function refresh() {
    matches = search($("search").value);
    shown = 0;
    $("list").replaceChildren();
    $("list").scrollTop = 0;
    grow();
    const silent = current.rate.filter((rate) => rate === 0).length;
    const query = $("search").value.trim();
    $("found").textContent = query === ""
      ? current.rate.length.toLocaleString("en") + " features of " + current.name + " at " + current.site + ", " + silent.toLocaleString("en") +
        " of them never active on " + current.points.toLocaleString("en") + " data points"
      : matches.length === 0 ? "no feature matches “" + query + "”: neither an attribute, nor a title among its strongest items"
      : matches.length.toLocaleString("en") + (matches.length === 1 ? " feature matches “" : " features match “") + query + "”";
  }

  function plot() {
    if (!plotted) return;
    heddleFigures.draw(plotted.element, plotted.figure, specs, heddlePage.dark(), plotted.element.clientWidth || 480);
  }
  function histogram(feature, out) {
    const counts = current.hist[feature], step = current.max[feature] / Math.max(1, counts.length);
    const own = (current.present || {})[feature];
    const attribute = own ? own[0][0] : -1;
    const figure = {
      id: current.name + "-feature-" + feature, title: "Activations of feature " + feature, caption: "", spec: "histogram", params: {},
      columns: [{ name: "from" }, { name: "to" }, { name: "present" }, { name: "absent" }],
      rows: counts.map((count, bin) => {
        const present = own ? own[0][bin + 1] : 0;
        return [step * bin, step * (bin + 1), present, count - present];
      }),
    };
    const heading = element("h4", "", "Positive activations ");
    if (own) {
      const key = element("span", "note");
      const bar = (colour) => { const box = element("span", "key"); box.style.background = colour; return box; };
      const colours = heddleTheme.colours(heddlePage.dark());
      key.append(bar(colours.c2), short(current.attributes[attribute]) + " ", bar(colours.c1), "others");
      heading.append(key);
    }
    const stage = element("div", "plot");
    out.append(heading, stage);
    plotted = { element: stage, figure };
    plot();
  }
  function attributeTable(feature) {
    const list = current.attr[feature], step = stride(), rows = [];
    for (let i = 0; i < list.length; i += step) rows.push([current.attributes[list[i]], ...list.slice(i + 1, i + step)]);
    return heddleTables.table({
      columns: [{ name: "attribute", title: "Attribute" }].concat(current.metrics.map((name) => ({ name, title: name, digits: 3 }))), rows, params: {},
    }, {});
  }
  function ranked(flat, step, text) {
    const out = element("ol", "rank");
    for (let i = 0; i < flat.length; i += step) {
      const line = element("li");
      const title = element("span", "", data.titles[flat[i]]);
      title.title = labels(flat[i]);
      line.append(title, element("span", "", text(flat, i)));
      out.appendChild(line);
    }
    return out;
  }
  const labels = (item) => "item " + data.ids[item] + (data.labels[item].length ? ": " + data.labels[item].map((l) => data.label_names[l]).join(", ") : "");
  function sequences(feature, out) {
    const best = current.attr[feature].length ? short(current.attributes[current.attr[feature][0]]) : "";
    const label = data.label_names.indexOf(best);
    out.appendChild(element("h4", "", "Where it is strongest"));
    if (label >= 0) {
      const note = element("p", "who"), key = element("span", "key");
      key.style.background = "var(--mark)";
      note.append("Shading: activation. ", key, best + ".");
      out.appendChild(note);
    }
    for (const [user, first, items, activations] of current.seq[feature]) {
      out.appendChild(element("p", "who", "user " + user + (first > 0 ? ", from event " + (first + 1) : "")));
      const list = element("ol", "sequence");
      items.forEach((item, i) => {
        const box = element("li", "", data.titles[item]), share = current.max[feature] > 0 ? activations[i] / current.max[feature] : 0;
        box.style.setProperty("--heat-share", share > 0 ? 0.08 + 0.87 * Math.min(1, share) : 0);
        if (share > 0.55) box.classList.add("hot");
        if (label >= 0 && data.labels[item].includes(label)) box.classList.add("has");
        box.title = labels(item) + "\nactivation " + activations[i];
        list.appendChild(box);
      });
      out.appendChild(list);
    }
  }
  function chips(feature) {
    const box = element("div", "chips"), flat = current.like[feature];
    for (let i = 0; i < flat.length; i += 2) {
      const link = element("a", "", flat[i] + " · " + fixed(flat[i + 1], 2));
      const best = current.attr[flat[i]];
      if (best.length) link.textContent += " · " + short(current.attributes[best[0]]);
      link.href = "#feature-" + flat[i];
      const other = flat[i];
      link.addEventListener("click", (event) => { event.preventDefault(); open(other, true); });
      box.appendChild(link);
    }
    return box;
  }

  function open(feature, jump) {
    if (!current || !(feature >= 0 && feature < current.rate.length)) return false;
    featureOpen = feature;
    for (const button of $("list").querySelectorAll("button")) {
      if (Number(button.dataset.feature) === feature) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
    }
    const out = $("detail");
    out.replaceChildren();
    plotted = null;
    out.dataset.feature = feature;
    out.appendChild(element("h3", "", "Feature " + feature));
    const stats = element("div", "stats");
    const stat = (name, value) => { const box = element("span"); box.append(name + " ", element("b", "", value)); stats.appendChild(box); };
    stat("active on", percent(current.rate[feature]) + " of data points");
    stat("mean", fixed(current.mean[feature], 3));
    stat("largest", fixed(current.max[feature], 3));
    out.appendChild(stats);
    const absent = current.absent || {};
    if (current.rate[feature] === 0) {
      out.appendChild(element("p", "note", "It was never active on these data points, so nothing is known of what it stands for."));
    } else {
      const top = element("div", "two"), left = element("div"), right = element("div");
      top.append(left, right);
      out.appendChild(top);
      right.append(element("h4", "", "Best attributes"), attributeTable(feature));
      if (current.hist) histogram(feature, left);
      else left.appendChild(element("p", "note", absent.details || ""));
      if (current.seq && current.seq[feature].length) sequences(feature, out);
    }
    const lists = element("div", "two");
    const list = (title, content) => { const box = element("div"); box.append(element("h4", "", title), content); lists.appendChild(box); };
    if (current.items[feature].length)
      list("Items with the largest mean activation", ranked(current.items[feature], 3, (flat, i) => fixed(flat[i + 1], 2) + " × " + flat[i + 2]));
    if (current.up && current.up[feature].length) {
      list("Promotes (score per unit, through the decoder)", ranked(current.up[feature], 2, (flat, i) => "+" + flat[i + 1]));
      list("Demotes", ranked(current.down[feature], 2, (flat, i) => String(flat[i + 1]).replace("-", "−")));
    } else if (absent.effects) list("Promotes and demotes", element("p", "note", absent.effects));
    if (current.like && current.like[feature].length) list("Most similar (cosine of decoder rows)", chips(feature));
    else if (absent.similar) list("Most similar", element("p", "note", absent.similar));
    out.appendChild(lists);
    if (jump) {
      history.replaceState(null, "", "#feature-" + feature);
      if (out.getBoundingClientRect().top > window.innerHeight * 0.8 || out.getBoundingClientRect().top < 0)
        (window.innerWidth < 760 ? out : $("features")).scrollIntoView({ block: "start" });
    }
    return true;
  }

  function choose(index) {
    current = data.dictionaries[index];
    $("attribute-names").replaceChildren(...current.attributes.slice(0, 2000).map((name) => { const option = element("option"); option.value = name; return option; }));
    refresh();
    if (matches.length) open(matches[0].feature, false);
  }

  function start(given, specifications) {
    data = given;
    specs = specifications;
    if (!data.dictionaries.length) {
      $("features").replaceChildren(element("h2", "", "Features"), element("p", "note", "These runs interpreted no dictionary: the experiment has no [interpret]."));
      return;
    }
    lowerTitles = data.titles.map((title) => title.toLowerCase());
    data.dictionaries.forEach((dictionary, index) => {
      const option = element("option", "", dictionary.name);
      option.value = index;
      $("dictionary").appendChild(option);
    });
    $("dictionary").closest("label").hidden = data.dictionaries.length < 2;
    $("dictionary").addEventListener("change", () => choose(Number($("dictionary").value)));
    $("order").addEventListener("change", refresh);
    $("search").addEventListener("input", refresh);
    $("search").addEventListener("keydown", (event) => { if (event.key === "Enter" && matches.length) open(matches[0].feature, true); });
    $("list").addEventListener("scroll", () => {
      if ($("list").scrollTop + $("list").clientHeight > $("list").scrollHeight - 600 && shown < matches.length) grow();
    });
    choose(0);
    const wanted = /^#feature-(\d+)$/.exec(location.hash);
    if (wanted) open(Number(wanted[1]), true);
    window.addEventListener("hashchange", () => {
      const asked = /^#feature-(\d+)$/.exec(location.hash);
      if (asked && Number(asked[1]) !== featureOpen) open(Number(asked[1]), true);
    });
  }
  // For another theme or width: only what is drawn with colours of the theme.
  function redraw() { if (featureOpen >= 0) open(featureOpen, false); }
  return { start, open, redraw };
})();
