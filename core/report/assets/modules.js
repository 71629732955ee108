// A page without modules or a network: every part of Vega is a function that gets its exports, and asks for others by name.
const heddleModules = (() => {
  "use strict";
  const bodies = {}, loaded = {};
  // One file has another name than the package that is asked for.
  const files = { "vega-selections": "vega-selection" };
  function require(name) {
    const file = files[name] || name;
    if (!loaded[file]) {
      if (!bodies[file]) throw new Error("the page holds no module " + name);
      const module = { exports: {} };
      loaded[file] = module;
      bodies[file](module.exports, module, require);
    }
    return loaded[file].exports;
  }
  return {
    define(name, body) { bodies[name] = body; },
    require,
    // What the package "vega" would be: its transforms registered, its parser and view.
    vega() {
      const { transforms } = require("vega-dataflow");
      for (const name of ["vega-transforms", "vega-view-transforms", "vega-encode"]) Object.assign(transforms, require(name));
      return { parse: require("vega-parser").parse, View: require("vega-view").View, Warn: require("vega-util").Warn };
    },
  };
})();
