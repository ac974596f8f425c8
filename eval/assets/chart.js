// Rate-distortion curves as inline SVG: hover or arrow keys give the values of a point.

const SVG = "http://www.w3.org/2000/svg";

function svg(name, attributes, parent, text) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  parent.append(element);
  return element;
}

// Round values between two bounds: 1, 2, 5 times a power of ten, or evenly spaced ones.
function ticks(low, high, logarithmic, wanted) {
  const found = [];
  if (logarithmic) {
    for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++)
      for (const digit of [1, 2, 5]) {
        const value = digit * 10 ** power;
        if (value >= low && value <= high) found.push(value);
      }
    if (found.length >= 3) return found;
    found.length = 0;
  }
  const rough = (high - low) / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((digit) => digit * power).find((one) => one >= rough);
  for (let index = Math.ceil(low / step); index * step <= high; index++)
    found.push(Number((index * step).toPrecision(12)));
  return found;
}

class Chart {
  // series: [{label, colour, shown, dashed, ours, points: [[bpp, drawn, raw, quality]]}]
  constructor(host, readout) {
    this.host = host;
    this.readout = readout;
    this.series = [];
    this.current = null; // [series index, point index]
    host.addEventListener("pointermove", (event) => this.hover(event));
    host.addEventListener("pointerdown", (event) => this.hover(event));
    host.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.draw()).observe(host);
  }

  show(series, chart, logarithmic) {
    Object.assign(this, { series, chart, logarithmic, current: null });
    this.draw();
  }

  visible() {
    return this.series.filter((one) => one.shown && one.points.length);
  }

  draw() {
    const width = this.host.clientWidth;
    if (!width || !this.chart) return;
    const height = Math.round(Math.min(520, Math.max(300, width * 0.55)));
    const margin = { left: 46, right: 14, top: 26, bottom: 40 };
    const visible = this.visible();
    this.host.replaceChildren();
    const root = svg("svg", { viewBox: `0 0 ${width} ${height}`, height, "aria-hidden": "true" }, this.host);
    if (!visible.length) {
      svg("text", { x: width / 2, y: height / 2, "text-anchor": "middle" }, root, "No curve is switched on.");
      return;
    }
    // Published curves may extend far beyond the measured ones, which determine the axes if there are any.
    const measured = visible.filter((one) => !one.dashed);
    const framing = (measured.length ? measured : visible).flatMap((one) => one.points);
    const bounds = (column) => framing.map((point) => point[column]);
    let [x0, x1] = [Math.min(...bounds(0)), Math.max(...bounds(0))];
    let [y0, y1] = [Math.min(...bounds(1)), Math.max(...bounds(1))];
    const pad = (y1 - y0) * 0.04 || 1;
    [y0, y1] = [y0 - pad, y1 + pad];
    [x0, x1] = this.logarithmic ? [x0 / 1.08, x1 * 1.08] : [0, x1 * 1.04];
    const along = this.logarithmic ? (x) => Math.log(x / x0) / Math.log(x1 / x0) : (x) => (x - x0) / (x1 - x0);
    this.x = (x) => margin.left + along(x) * (width - margin.left - margin.right);
    this.y = (y) => height - margin.bottom - ((y - y0) / (y1 - y0)) * (height - margin.top - margin.bottom);

    for (const value of ticks(x0, x1, this.logarithmic, width / 90)) {
      const x = this.x(value);
      svg("line", { class: "grid", x1: x, x2: x, y1: margin.top, y2: height - margin.bottom }, root);
      svg("text", { x, y: height - margin.bottom + 16, "text-anchor": "middle" }, root, value);
    }
    for (const value of ticks(y0, y1, false, height / 50)) {
      const y = this.y(value);
      svg("line", { class: "grid", x1: margin.left, x2: width - margin.right, y1: y, y2: y }, root);
      svg("text", { x: margin.left - 6, y: y + 4, "text-anchor": "end" }, root,
          this.chart.kind === "distance" ? Math.abs(value) : value);
    }
    svg("text", { x: width - margin.right, y: height - 6, "text-anchor": "end" }, root, "bits per pixel");
    svg("text", { x: 8, y: 16 }, root, this.chart.axis);

    const clip = svg("clipPath", { id: "plot-area" }, root);
    svg("rect", { x: margin.left, y: margin.top, width: width - margin.left - margin.right,
                  height: height - margin.top - margin.bottom }, clip);
    const plot = svg("g", { "clip-path": "url(#plot-area)" }, root);
    for (const one of visible) {
      const path = one.points.map((p, i) => `${i ? "L" : "M"}${this.x(p[0]).toFixed(1)} ${this.y(p[1]).toFixed(1)}`);
      const classes = `curve${one.ours ? " ours" : ""}${one.dashed ? " dashed" : ""}`;
      svg("path", { class: classes, d: path.join(""), style: `stroke: ${one.colour}` }, plot);
      for (const point of one.points)
        svg("circle", { class: "mark", cx: this.x(point[0]), cy: this.y(point[1]), r: one.dashed ? 2 : 3.5,
                        style: `fill: ${one.colour}` }, plot);
    }
    this.focus = svg("circle", { class: "focus", r: 7, visibility: "hidden" }, plot);
    if (this.current) this.select(...this.current);
  }

  hover(event) {
    const box = this.host.getBoundingClientRect();
    let best = null;
    this.visible().forEach((one, s) =>
      one.points.forEach((point, p) => {
        const distance = Math.hypot(this.x(point[0]) - event.clientX + box.left,
                                    this.y(point[1]) - event.clientY + box.top);
        if (distance < 40 && (!best || distance < best.distance)) best = { distance, s, p };
      }));
    if (best) this.select(best.s, best.p);
  }

  key(event) {
    const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
    const visible = this.visible();
    if (!(event.key in steps) || !visible.length) return;
    event.preventDefault();
    if (!this.current) return this.select(0, 0);
    const [ds, dp] = steps[event.key];
    const [s, p] = this.current;
    const next = (s + ds + visible.length) % visible.length;
    if (!ds) return this.select(s, Math.min(visible[s].points.length - 1, Math.max(0, p + dp)));
    // The point of the other curve with the nearest rate.
    const rate = visible[s].points[p][0];
    const gaps = visible[next].points.map((point) => Math.abs(Math.log(point[0] / rate)));
    this.select(next, gaps.indexOf(Math.min(...gaps)));
  }

  select(s, p) {
    const one = this.visible()[s];
    const point = one && one.points[p];
    if (!point) return;
    this.current = [s, p];
    const [bpp, drawn, raw, quality] = point;
    this.focus.setAttribute("cx", this.x(bpp));
    this.focus.setAttribute("cy", this.y(drawn));
    this.focus.setAttribute("visibility", "visible");
    const { kind, digits, unit } = this.chart;
    const decibels = kind === "similarity" ? ` (${drawn.toFixed(2)} dB)` : "";
    const value = `${raw.toFixed(digits)} ${unit}`.trimEnd() + decibels;
    const at = quality === undefined ? "published" : `quality ${quality}`;
    this.readout.textContent = `${one.label}, ${at}: ${bpp.toFixed(3)} bits per pixel, ${this.chart.label} ${value}`;
  }
}
