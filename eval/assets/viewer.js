// Two pictures on top of each other, one visible to the left of a slider, the other to its right.

class Viewer {
  constructor(data, labels, reference) {
    Object.assign(this, { data, labels, reference, split: 0.5, zoom: 0, offset: [0, 0] }); // zoom 0: fit the stage
    const byId = (id) => document.getElementById(id);
    this.frame = byId("viewer");
    this.stage = byId("stage");
    this.layer = byId("v-left-layer");
    this.handle = byId("handle");
    this.range = byId("v-split");
    this.selects = { picture: byId("v-picture"), rate: byId("v-rate"), left: byId("v-left"), right: byId("v-right") };
    this.images = { left: byId("v-left-image"), right: byId("v-right-image") };
    this.captions = { left: byId("v-left-caption"), right: byId("v-right-caption") };

    fill(this.selects.picture, data.pictures.map((one) => one.name));
    this.selects.picture.addEventListener("change", () => this.choosePicture());
    this.selects.rate.addEventListener("change", () => this.chooseRate());
    for (const side of ["left", "right"]) this.selects[side].addEventListener("change", () => this.show());
    byId("v-swap").addEventListener("click", () => this.swap());
    this.range.addEventListener("input", () => this.moveSplit(this.range.value / 100));
    this.zoomButtons = [[0, "Fit"], [1, "1:1"], [2, "2x"], [4, "4x"], [8, "8x"]].map(([zoom, text]) => {
      const button = document.createElement("button");
      Object.assign(button, { type: "button", textContent: text });
      button.addEventListener("click", () => this.setZoom(zoom));
      byId("v-zoom").append(button);
      return { zoom, button };
    });
    this.stage.addEventListener("pointerdown", (event) => this.grab(event));
    this.stage.addEventListener("keydown", (event) => this.key(event));
    this.stage.addEventListener("dblclick", (event) => this.setZoom(this.zoom ? 0 : 4, event));
    new ResizeObserver(() => this.layout()).observe(this.frame.parentElement);
    this.frame.hidden = false;
    this.choosePicture();
  }

  get picture() { return this.data.pictures[this.selects.picture.selectedIndex]; }
  get rate() { return this.picture.rates[this.selects.rate.selectedIndex]; }

  choosePicture() {
    const before = this.selects.rate.value;
    const rates = this.picture.rates.map((one) => String(one.bpp));
    fill(this.selects.rate, rates);
    this.selects.rate.value = rates.includes(before) ? before : rates[0];
    this.zoom = 0;
    this.chooseRate();
  }

  chooseRate() {
    const items = this.rate.items;
    const names = ["original", ...items.map((item) => item.codec)];
    const texts = ["Original", ...items.map((item) => this.labels[item.codec] || item.codec)];
    // Keep the selection; initially, the reference is on the left and the first other codec on the right.
    const other = names.slice(1).find((name) => name !== this.reference);
    const wanted = { left: this.selects.left.value || this.reference, right: this.selects.right.value || other };
    for (const side of ["left", "right"]) {
      fill(this.selects[side], names, texts);
      const fallback = side === "left" ? names[0] : names[names.length - 1];
      this.selects[side].value = names.includes(wanted[side]) ? wanted[side] : fallback;
    }
    this.show();
  }

  show() {
    for (const side of ["left", "right"]) {
      const name = this.selects[side].value;
      const item = this.rate.items.find((one) => one.codec === name);
      const label = item ? this.labels[name] || name : "Original";
      this.images[side].src = item ? item.src : this.picture.original;
      this.images[side].alt = `${this.picture.name}, ${label}`;
      const title = document.createElement("strong");
      title.textContent = label;
      this.captions[side].replaceChildren(title, item ? this.numbers(item) : this.picture.crop || "uncompressed");
    }
    this.layout();
  }

  numbers(item) {
    const quality = Number(item.quality.toFixed(2));
    return `${item.bpp.toFixed(3)} bpp, quality ${quality}: ${item.values}`;
  }

  swap() {
    const { left, right } = this.selects;
    [left.value, right.value] = [right.value, left.value];
    this.show();
  }

  // Zoom is in device pixels, so that 1:1 is exact on every screen.
  scale() {
    const fit = this.stage.clientWidth / this.picture.width;
    return this.zoom ? this.zoom / (window.devicePixelRatio || 1) : fit;
  }

  setZoom(zoom, event) {
    // The point under the pointer, or the middle, stays in place.
    const box = this.stage.getBoundingClientRect();
    const at = event ? [event.clientX - box.left, event.clientY - box.top] : [box.width / 2, box.height / 2];
    const before = this.scale();
    const point = at.map((value, axis) => (value - this.offset[axis]) / before);
    this.zoom = zoom;
    const after = this.scale();
    this.offset = at.map((value, axis) => value - point[axis] * after);
    this.layout();
  }

  layout() {
    const { width, height } = this.picture;
    this.stage.style.aspectRatio = `${width} / ${height}`;
    this.frame.style.maxWidth = `${Math.max(320, (0.8 * window.innerHeight * width) / height)}px`;
    const scale = this.scale();
    const room = [this.stage.clientWidth, this.stage.clientHeight];
    this.offset = this.offset.map((value, axis) => {
      const free = room[axis] - [width, height][axis] * scale;
      return free >= 0 ? free / 2 : Math.min(0, Math.max(free, value));
    });
    for (const image of Object.values(this.images)) {
      image.style.transform = `translate(${this.offset[0]}px, ${this.offset[1]}px) scale(${scale})`;
      image.classList.toggle("pixels", this.zoom >= 1);
    }
    this.stage.classList.toggle("zoomed", this.zoom > 0);
    for (const { zoom, button } of this.zoomButtons) button.setAttribute("aria-pressed", zoom === this.zoom);
    this.moveSplit(this.split);
  }

  moveSplit(split) {
    this.split = Math.min(1, Math.max(0, split));
    const percent = 100 * this.split;
    this.layer.style.clipPath = `inset(0 ${100 - percent}% 0 0)`;
    this.handle.style.left = `${percent}%`;
    this.range.value = percent;
  }

  // The handle moves the slider. So does the picture while it fits the stage; when zoomed, it is dragged.
  grab(event) {
    const box = this.stage.getBoundingClientRect();
    const sliding = event.target === this.handle || !this.zoom;
    const start = { x: event.clientX, y: event.clientY, offset: [...this.offset] };
    const move = (moved) => {
      if (sliding) return this.moveSplit((moved.clientX - box.left) / box.width);
      this.offset = [start.offset[0] + moved.clientX - start.x, start.offset[1] + moved.clientY - start.y];
      this.layout();
    };
    const stop = () => {
      for (const name of ["pointerup", "pointercancel"]) this.stage.removeEventListener(name, stop);
      this.stage.removeEventListener("pointermove", move);
    };
    this.stage.setPointerCapture(event.pointerId);
    this.stage.addEventListener("pointermove", move);
    for (const name of ["pointerup", "pointercancel"]) this.stage.addEventListener(name, stop);
    if (sliding) move(event);
  }

  key(event) {
    const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const zooms = this.zoomButtons.map((one) => one.zoom);
    const place = zooms.indexOf(this.zoom);
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in arrows) {
      const [x, y] = arrows[event.key];
      if (event.shiftKey) {
        this.offset = [this.offset[0] - 60 * x, this.offset[1] - 60 * y];
        this.layout();
      } else if (x) this.moveSplit(this.split + 0.02 * x);
      else return;
    } else if (event.key === "+" || event.key === "=") this.setZoom(zooms[Math.min(place + 1, zooms.length - 1)]);
    else if (event.key === "-") this.setZoom(zooms[Math.max(place - 1, 0)]);
    else if (event.key === "0") this.setZoom(0);
    else if (event.key === "s" || event.key === "S") this.swap();
    else return;
    event.preventDefault();
  }
}
