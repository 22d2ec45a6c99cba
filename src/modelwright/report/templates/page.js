"use strict";
// Charts are drawn when they come near, or when the page has nothing else to do.
(() => {
  const root = document.documentElement;
  const plots = [...document.querySelectorAll(".plot[data-chart]")];
  const narrow = () => root.clientWidth < 560;

  // plotly.js lies in the page as text, so that opening it costs nothing; it is run when the first chart is drawn.
  function library() {
    if (!window.Plotly) {
      const script = document.createElement("script");
      script.textContent = document.getElementById("plotly").textContent;
      document.head.append(script);
    }
    return window.Plotly;
  }

  // "@name" in a spec is the custom property --name of the style sheet: light, dark and print have their own.
  function resolve(value, style) {
    if (typeof value === "string" && value.startsWith("@")) return style.getPropertyValue("--" + value.slice(1)).trim() || value;
    if (Array.isArray(value)) return value.map((item) => resolve(item, style));
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, resolve(item, style)]));
    }
    return value;
  }

  function draw(plot, Plotly) {
    const spec = JSON.parse(document.getElementById("spec-" + plot.dataset.chart).textContent);
    const { data, layout } = resolve(spec, getComputedStyle(root));
    if (narrow()) layout.font.size = 11;
    plot.dataset.state = "drawn";
    Plotly.react(plot, data, layout, { displayModeBar: false, responsive: true, doubleClick: false });
  }

  function show(plot) {
    if (plot.dataset.state) return;
    try {
      draw(plot, library());
    } catch (error) {
      plot.dataset.state = "failed"; // an old browser: the caption and the table below hold the same numbers
      plot.hidden = true;
      const numbers = plot.parentElement.querySelector("details.numbers");
      if (numbers) numbers.open = true;
      console.error(error);
    }
  }

  function redraw() {
    plots.filter((plot) => plot.dataset.state === "drawn").forEach((plot) => draw(plot, library()));
  }

  const near = new IntersectionObserver(
    (entries) => entries.filter((entry) => entry.isIntersecting).forEach((entry) => { near.unobserve(entry.target); show(entry.target); }),
    { rootMargin: "400px 0px" },
  );
  plots.forEach((plot) => near.observe(plot));

  // The rest follow one by one, with pauses in which the page stays at the reader's command. Timers, because idle callbacks
  // need frames, and a page that is being printed without a window has none.
  function rest() {
    const next = plots.find((plot) => !plot.dataset.state);
    if (!next) return;
    show(next);
    setTimeout(rest, 60);
  }
  setTimeout(rest, 400);

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  // Paper is narrower than a screen and always light: the class lays the page out as on paper, then charts are measured anew.
  function printing(on) {
    root.classList.toggle("printing", on);
    plots.filter((plot) => plot.dataset.state !== "failed").forEach((plot) => { library().purge(plot); draw(plot, library()); });
  }
  addEventListener("beforeprint", () => printing(true));
  addEventListener("afterprint", () => printing(false));

  // The section in view is marked in the navigation.
  const links = new Map([...document.querySelectorAll("nav a")].map((link) => [link.hash.slice(1), link]));
  const seen = new IntersectionObserver(
    (entries) => entries.forEach((entry) => {
      if (!entry.isIntersecting) return;
      links.forEach((link) => link.removeAttribute("aria-current"));
      const link = links.get(entry.target.id);
      link.setAttribute("aria-current", "true");
      const list = link.closest("ol");
      list.scrollTo({ left: link.offsetLeft - list.clientWidth / 3 });
    }),
    { rootMargin: "-20% 0px -70% 0px" },
  );
  document.querySelectorAll("main > section").forEach((section) => seen.observe(section));
})();
