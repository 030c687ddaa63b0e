// The hand on the plane: examples are added, moved and removed with mouse, finger or keyboard.

const NEAR = 12; // pixels from an example within which it is meant
const FAR = 4; // pixels that a pointer moves before it drags

/* Let the user edit the examples of a plane; return a function that removes the chosen one, or the last that was added.
   `page` has: act(command), target(), what a click adds, drawn(), says(text). */
export function editPoints(plane, page) {
  const canvas = plane.canvas;
  let held = null; // what the pointer pressed: {index, start, moved}

  const where = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const added = () => plane.state?.added ?? [];
  const nearest = (pixel, reach = NEAR) => {
    let found = null, closest = reach;
    for (const index of added()) {
      const [x, y] = plane.toPixel(plane.state.points[index]), far = Math.hypot(x - pixel[0], y - pixel[1]);
      if (far < closest) [found, closest] = [index, far];
    }
    return found;
  };
  const inside = ([x, y]) => {
    const [left, top, size] = plane.box;
    return x >= left && x <= left + size && y >= top && y <= top + size;
  };
  const choose = (index) => {
    plane.chosen = index;
    if (index !== null) plane.cross = [...plane.state.points[index]]; // the keyboard goes on from there
    page.drawn();
  };
  const add = (pixel) => {
    const [x, y] = plane.toPoint(pixel);
    page.act({ do: "add", x, y, ...page.target() });
  };
  const remove = (index) => { plane.chosen = null; page.act({ do: "remove", index }); };

  canvas.addEventListener("pointerdown", (event) => {
    if (!plane.box || event.button !== 0 || !inside(where(event))) return;
    held = { index: nearest(where(event)), start: where(event), moved: false };
    if (held.index !== null) canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!plane.box) return;
    const pixel = where(event);
    page.says(inside(pixel) ? plane.says(plane.toPoint(pixel)) : "");
    canvas.style.cursor = nearest(pixel) !== null ? "grab" : inside(pixel) ? "crosshair" : "default";
    if (!held || held.index === null) return;
    held.moved ||= Math.hypot(pixel[0] - held.start[0], pixel[1] - held.start[1]) > FAR;
    if (!held.moved) return;
    plane.state.points[held.index] = plane.toPoint(pixel); // drawn at once; the network gets it when it is let go
    plane.chosen = held.index;
    page.drawn();
  });
  canvas.addEventListener("pointerup", (event) => {
    if (!held) return;
    const { index, moved } = held, pixel = where(event);
    held = null;
    if (index === null) { if (inside(pixel)) add(pixel); }
    else if (moved && inside(pixel)) {
      const [x, y] = plane.toPoint(pixel);
      page.act({ do: "move", index, x, y });
    } else if (moved) remove(index); // dragged off the plane
    else choose(plane.chosen === index ? null : index);
  });
  canvas.addEventListener("touchstart", (event) => { // a finger on an added example drags it, elsewhere it scrolls
    const box = canvas.getBoundingClientRect(), [touch] = event.touches;
    if (plane.box && nearest([touch.clientX - box.left, touch.clientY - box.top]) !== null) event.preventDefault();
  }, { passive: false });
  canvas.addEventListener("pointercancel", () => { held = null; });
  canvas.addEventListener("pointerleave", () => page.says(""));
  canvas.addEventListener("blur", () => page.drawn());
  canvas.addEventListener("focus", () => page.drawn());

  const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
  canvas.addEventListener("keydown", (event) => {
    if (!plane.state || event.ctrlKey || event.metaKey || event.altKey) return;
    const [[left, right], [bottom, top]] = plane.extent, middle = [(left + right) / 2, (bottom + top) / 2];
    plane.cross ??= middle;
    const step = MOVES[event.key];
    if (step) {
      const to = [plane.cross[0] + step[0] * (right - left) / 50, plane.cross[1] + step[1] * (top - bottom) / 50];
      plane.cross = [Math.max(left, Math.min(right, to[0])), Math.max(bottom, Math.min(top, to[1]))];
      if (event.shiftKey && plane.chosen !== null) {
        const [x, y] = plane.cross;
        page.act({ do: "move", index: plane.chosen, x, y });
      } else plane.chosen = nearest(plane.toPixel(plane.cross));
      page.says(plane.says(plane.cross));
    } else if (event.key === "Enter") add(plane.toPixel(plane.cross));
    else if ((event.key === "Delete" || event.key === "Backspace") && plane.chosen !== null) remove(plane.chosen);
    else if (event.key === "PageDown" || event.key === "PageUp") {
      const all = added();
      if (all.length) {
        const turn = event.key === "PageDown" ? 1 : -1, now = all.indexOf(plane.chosen);
        plane.chosen = all[now < 0 ? (turn > 0 ? 0 : all.length - 1) : (now + turn + all.length) % all.length];
        plane.cross = [...plane.state.points[plane.chosen]];
      }
    } else if (event.key === "Escape") plane.chosen = null;
    else return;
    event.preventDefault();
    event.stopPropagation();
    page.drawn();
  });
  return () => { if (plane.chosen !== null || added().length) remove(plane.chosen ?? added().at(-1)); };
}
