const [slider, play, told, under, over] =
  ["epoch", "play", "epoch-shown", "under", "over"].map((id) => document.getElementById(id));
let timer = null;

function show(index) {
  const frame = frames[index];
  slider.value = index;
  slider.setAttribute("aria-valuetext", `epoch ${frame.epoch}`);
  told.textContent = `Epoch ${frame.epoch.toLocaleString("en")}, ${frame.scores}`;
  under.innerHTML = frame.under;
  over.innerHTML = frame.over;
}

function stop() {
  clearTimeout(timer);
  timer = null;
  play.innerHTML = '<span aria-hidden="true">▶</span> Play';
}

function step() {
  const next = slider.valueAsNumber + 1;
  if (next >= frames.length) {
    stop();
    return;
  }
  show(next);
  timer = setTimeout(step, times[next]);
}

play.addEventListener("click", () => {
  if (timer !== null) {
    stop();
    return;
  }
  play.innerHTML = '<span aria-hidden="true">❚❚</span> Pause';
  if (slider.valueAsNumber === frames.length - 1) show(0);
  timer = setTimeout(step, times[slider.valueAsNumber === frames.length - 1 ? 0 : slider.valueAsNumber]);
});
slider.addEventListener("input", () => {
  stop();
  show(slider.valueAsNumber);
});
document.querySelector(".player").hidden = false;
