// Connects the data of this report to the chart and the viewer.

function fill(select, values, texts = values) {
  select.replaceChildren(...values.map((value, index) => new Option(texts[index], value)));
}

function legendItem(host, { label, colour, shown, dashed }, change) {
  const item = document.createElement("label");
  const box = document.createElement("input");
  const line = document.createElement("i");
  Object.assign(box, { type: "checkbox", checked: shown });
  box.addEventListener("change", () => change(box.checked));
  line.style.color = colour;
  line.classList.toggle("dashed", Boolean(dashed));
  item.append(box, line, label);
  host.append(item);
}

function setTheme(dark) {
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  const button = document.getElementById("theme");
  button.setAttribute("aria-pressed", dark);
  button.textContent = dark ? "Light" : "Dark";
}

function start() {
  const byId = (id) => document.getElementById(id);
  const data = JSON.parse(byId("data").textContent);
  const preference = window.matchMedia("(prefers-color-scheme: dark)");
  setTheme(preference.matches);
  preference.addEventListener("change", () => setTheme(preference.matches));
  byId("theme").addEventListener("click", () => setTheme(document.documentElement.dataset.theme !== "dark"));

  const chart = new Chart(byId("chart"), byId("readout"));
  // The first colour is reserved for our codec.
  let next = 0;
  const shown = data.codecs.map((codec) => ({ label: codec.label, ours: codec.ours, shown: true,
    colour: `var(--c${codec.ours && !next ? 0 : (next++ % 9) + 1})` }));
  const published = data.published.map((curve, index) => ({ label: curve.label, shown: curve.shown, dashed: true,
    colour: `var(--c${((index + 3) % 9) + 1})` }));
  fill(byId("metric"), data.charts.map((one) => one.label));
  fill(byId("picture"), ["", ...data.images], ["mean of all", ...data.images]);

  const draw = () => {
    const one = data.charts[byId("metric").selectedIndex];
    if (!one) return;
    const image = byId("picture").selectedIndex - 1;
    const series = shown.map((codec, index) => ({ ...codec,
      points: image < 0 ? one.series[index].mean : one.series[index].images[image] }));
    // Published numbers are means and not comparable with a single picture.
    const extra = image < 0 ? published.map((curve, index) => ({ ...curve, points: one.published[index] })) : [];
    chart.show([...series, ...extra], one, byId("log").checked);
  };
  for (const [list, host] of [[shown, byId("legend")], [published, byId("published").querySelector("div")]])
    for (const one of list)
      legendItem(host, one, (on) => { one.shown = on; draw(); });
  byId("published").hidden = !published.length;
  for (const id of ["metric", "picture", "log"]) byId(id).addEventListener("change", draw);
  draw();

  const labels = Object.fromEntries(data.codecs.map((codec) => [codec.name, codec.label]));
  if (data.viewer.pictures.length) window.viewer = new Viewer(data.viewer, labels, data.reference);
}

start();
