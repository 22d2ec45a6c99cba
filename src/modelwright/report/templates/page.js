"use strict";
// Charts are drawn when they come near, or when the page has nothing else to do; the library is unpacked on first use.
(() => {
  const root = document.documentElement;
  const plots = [...document.querySelectorAll(".plot[data-chart]")];
  const narrow = () => root.clientWidth < 560;
  let library = null;

  function unpack() {
    library ??= (async () => {
      const packed = atob(document.getElementById("plotly").textContent.trim());
      const bytes = new Uint8Array(packed.length);
      for (let at = 0; at < packed.length; at += 1) bytes[at] = packed.charCodeAt(at);
      const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
      const script = document.createElement("script");
      script.textContent = await new Response(stream).text();
      document.head.append(script);
      return window.Plotly;
    })();
    return library;
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
    return Plotly.react(plot, data, layout, { displayModeBar: false, responsive: true, doubleClick: false });
  }

  async function show(plot) {
    if (plot.dataset.state) return;
    plot.dataset.state = "waiting";
    try {
      await draw(plot, await unpack());
    } catch (error) {
      plot.dataset.state = "failed"; // an old browser: the caption and the table below hold the same numbers
      plot.hidden = true;
      const numbers = plot.parentElement.querySelector("details.numbers");
      if (numbers) numbers.open = true;
      console.error(error);
    }
  }

  async function redraw() {
    const Plotly = await unpack();
    for (const plot of plots) if (plot.dataset.state === "drawn") draw(plot, Plotly);
  }

  const near = new IntersectionObserver(
    (entries) => entries.filter((entry) => entry.isIntersecting).forEach((entry) => { near.unobserve(entry.target); show(entry.target); }),
    { rootMargin: "400px 0px" },
  );
  plots.forEach((plot) => near.observe(plot));

  const idle = window.requestIdleCallback ?? ((work) => setTimeout(work, 200));
  function rest() {
    const next = plots.find((plot) => !plot.dataset.state);
    if (next) show(next).then(() => idle(rest));
    else root.dataset.charts = "done";
  }
  idle(rest);

  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  addEventListener("beforeprint", () => {
    root.classList.add("printing");
    if (window.Plotly) plots.forEach((plot) => draw(plot, window.Plotly));
  });
  addEventListener("afterprint", () => { root.classList.remove("printing"); redraw(); });

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
