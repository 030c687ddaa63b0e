// Draws the loss of each split over the epochs, with ticks, on a linear or a logarithmic axis.

import { at, begin, logTicks, short, theme, ticks } from "./canvas.js";

export const SPLITS = ["train", "val", "test"];

/* Draw the rows [epoch, train, val, test] of one or two networks, each {history, dash}. */
export function drawLoss(canvas, curves, colours, logarithmic) {
  const { ink, width, height } = begin(canvas);
  const look = theme(), text = Math.round(0.8 * look.font);
  const rows = curves.flatMap(({ history }) => history);
  const [left, right, top, bottom] = [4 * text, width - 3 * text, 0.7 * text, height - 1.9 * text];
  ink.font = `${text}px ${look.family}`;
  const losses = rows.flatMap((row) => row.slice(1)).filter((loss) => Number.isFinite(loss));
  const [low, high] = reach(losses, logarithmic);
  const from = rows.length ? Math.min(...rows.map((row) => row[0])) : 0;
  const to = Math.max(from + 1, ...rows.map((row) => row[0]));
  const x = (epoch) => left + (epoch - from) / (to - from) * (right - left);
  const portion = logarithmic ? (loss) => Math.log(Math.max(loss, low) / low) / Math.log(high / low)
    : (loss) => (loss - low) / (high - low);
  const y = (loss) => bottom - Math.max(0, Math.min(1, portion(loss))) * (bottom - top);

  ink.textBaseline = "middle";
  ink.textAlign = "right";
  ink.fillStyle = look.quiet;
  const many = Math.max(2, (bottom - top) / (2.6 * text));
  for (const loss of logarithmic ? logTicks(low, high, many) : ticks(low, high, many)) {
    line(ink, look.line, [left, y(loss)], [right, y(loss)]);
    ink.fillText(short(loss), left - 0.5 * text, y(loss));
  }
  ink.textBaseline = "top";
  ink.textAlign = "center";
  for (const epoch of ticks(from, to, Math.max(2, (right - left) / (6 * text)))) {
    if (epoch % 1) continue;
    line(ink, look.quiet, [x(epoch), bottom], [x(epoch), bottom + 4]);
    const name = epoch.toLocaleString("en"), wide = ink.measureText(name).width / 2;
    ink.fillText(name, Math.min(x(epoch), width - wide), bottom + 0.55 * text);
  }
  line(ink, look.quiet, [left, bottom], [right, bottom]);

  ink.lineWidth = Math.max(1.8, look.font / 8);
  ink.lineJoin = "round";
  for (const { history, dash } of curves) {
    ink.setLineDash(dash ? [6, 4] : []);
    SPLITS.forEach((split, index) => {
      ink.strokeStyle = colours[split];
      ink.beginPath();
      for (const row of history) if (Number.isFinite(row[index + 1])) ink.lineTo(x(row[0]), y(row[index + 1]));
      if (history.length === 1) ink.lineTo(x(history[0][0]) + 1, y(history[0][index + 1]));
      ink.stroke();
    });
  }
  ink.setLineDash([]);
  nameCurves(ink, curves[0].history, y, right + 0.4 * text, text, colours);
  return { epochAt: (place) => from + (place - left) / (right - left) * (to - from), left, right };
}

/* Write the name of each split where its curve ends, at least a line apart. */
function nameCurves(ink, history, y, x, text, colours) {
  if (!history.length) return;
  const last = history.at(-1), found = SPLITS.map((split, i) => [split, last[i + 1]]).filter(([, loss]) => Number.isFinite(loss));
  const placed = found.map(([split, loss]) => [split, y(loss)]).sort((a, b) => a[1] - b[1]);
  for (let i = 1; i < placed.length; i++) placed[i][1] = Math.max(placed[i][1], placed[i - 1][1] + text);
  const over = placed.length ? Math.max(0, placed.at(-1)[1] - y(0)) : 0; // a name below the axis moves all up
  ink.textAlign = "left";
  ink.textBaseline = "middle";
  for (const [split, place] of placed) {
    ink.fillStyle = colours[split];
    ink.fillText(split, x, place - over);
  }
}

/* Return the ends of the axis for some losses. */
function reach(losses, logarithmic) {
  const largest = Math.max(1e-9, ...losses);
  if (!losses.length) return logarithmic ? [0.1, 1] : [0, 1];
  if (!logarithmic) return [Math.min(0, ...losses), largest * 1.04];
  const positive = losses.filter((loss) => loss > 0);
  const smallest = positive.length ? Math.min(...positive) : largest / 10;
  return [smallest * 0.9, Math.max(largest * 1.1, smallest * 1.5)];
}

function line(ink, color, from, to) {
  ink.strokeStyle = color;
  ink.lineWidth = 1;
  ink.beginPath();
  ink.moveTo(...from);
  ink.lineTo(...to);
  ink.stroke();
}
