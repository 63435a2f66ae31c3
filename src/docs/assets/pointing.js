// A picture is moved and zoomed with the pointer, the wheel, two fingers or keys.

/** The node at a place of the canvas, in a large picture. */
function pick(picture, view, x, y) {
  if (!picture?.isLarge) return undefined;
  const [px, py] = [(x - view.x) / view.k, (y - view.y) / view.k];
  for (const [number, box] of picture.boxes) if (px >= box.x && px <= box.x + box.width && py >= box.y && py <= box.y + box.height) return number;
  return undefined;
}

/** Pointer, wheel and keys. */
function listen(canvas, view, { moved, zoom, fit, tall, open: at }) {
  const pointers = new Map();
  let hasMoved = false;
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    pointers.set(event.pointerId, event);
    hasMoved = false;
  });
  canvas.addEventListener("pointermove", (event) => {
    const last = pointers.get(event.pointerId);
    if (!last) return;
    if (!hasMoved && Math.hypot(event.clientX - last.clientX, event.clientY - last.clientY) < 4) return;
    if (!hasMoved) canvas.setPointerCapture(event.pointerId);
    hasMoved = true;
    if (pointers.size === 2) {
      const [other] = [...pointers.values()].filter((it) => it.pointerId !== event.pointerId);
      const distance = (it) => Math.hypot(it.clientX - other.clientX, it.clientY - other.clientY);
      const { left, top } = canvas.getBoundingClientRect();
      zoom(distance(event) / distance(last), (event.clientX + other.clientX) / 2 - left, (event.clientY + other.clientY) / 2 - top);
    } else {
      view.x += event.clientX - last.clientX;
      view.y += event.clientY - last.clientY;
      moved();
    }
    pointers.set(event.pointerId, event);
  });
  const end = (event) => pointers.delete(event.pointerId);
  canvas.addEventListener("pointerup", end);
  canvas.addEventListener("pointercancel", end);
  // The end of a drag is no click.
  canvas.addEventListener("click", (event) => {
    if (hasMoved) {
      event.preventDefault();
      event.stopPropagation();
      hasMoved = false;
      return;
    }
    const { left, top } = canvas.getBoundingClientRect();
    const number = event.target.closest("a, .column") ? undefined : at(event.clientX - left, event.clientY - top);
    if (number !== undefined) go(address(site.pages[number]));
  }, true);
  canvas.addEventListener("wheel", (event) => {
    // In the middle of a page the wheel scrolls the page, unless it is meant for the picture.
    if (!tall && !event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    const { left, top } = canvas.getBoundingClientRect();
    zoom(Math.exp(-event.deltaY / 400), event.clientX - left, event.clientY - top);
  }, { passive: false });
  canvas.addEventListener("keydown", (event) => {
    const steps = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] }[event.key];
    if (steps) {
      view.x += steps[0];
      view.y += steps[1];
      moved();
    } else if (event.key === "+" || event.key === "=") zoom(1.3);
    else if (event.key === "-") zoom(1 / 1.3);
    else if (event.key === "0") fit();
    else return;
    event.preventDefault();
  });
}
