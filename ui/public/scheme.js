// Before the first paint: the chosen scheme and text direction, else the system's. A file of its own, since the page allows no inline script.
(function () {
  var chosen = null;
  try {
    chosen = localStorage.getItem("scheme");
  } catch {}
  var dark = chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.setAttribute("data-mantine-color-scheme", dark ? "dark" : "light");
})();
