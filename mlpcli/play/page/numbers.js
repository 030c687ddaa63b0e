// Shows the numbers of a network: loss and score of each split, and the health of its layers.

import { at, make, share, short } from "./canvas.js";
import { SPLITS } from "./curves.js";

/* Show the loss, and the accuracy or R², of each split in a list; name is that of the network if there are two. */
export function showScores(list, state, frame, name, dashed) {
  const score = state.task === "regression" ? "r2" : "accuracy";
  const rows = SPLITS.filter((split) => frame.scores[split]).map((split) => {
    const { loss } = frame.scores[split], found = frame.scores[split][score];
    const worth = found === null || found === undefined ? "–" : score === "r2" ? short(found) : share(found);
    return [split, loss === null ? "–" : short(loss), worth];
  });
  const kind = name + dashed + rows.map(([split]) => split).join() + score;
  if (list.dataset.kind !== kind) {
    list.dataset.kind = kind;
    list.replaceChildren(...rows.map(([split], i) => {
      const row = make("li"), mark = make("i", undefined, { class: dashed ? "dashed" : "" });
      if (!i && name) row.append(make("strong", `${name} `));
      mark.style.borderColor = state.split_colours[split];
      row.append(mark, `${split} `, make("span", "loss ", { class: "unseen" }), make("b"),
        make("span", score === "r2" ? " R² " : ", accuracy ", { class: score === "r2" ? "quiet" : "unseen" }), " ", make("b"));
      return row;
    }));
  }
  rows.forEach(([, loss, worth], i) => {
    const [lossCell, worthCell] = list.children[i].querySelectorAll("b");
    lossCell.textContent = loss;
    worthCell.textContent = worth;
  });
}

/* Show the health of each layer, and the advice on it. */
export function showHealth({ metrics, advice }) {
  at("health").replaceChildren(...(metrics ? metrics.gradient_norms.map((norm, i) => {
    const row = make("tr"), ratio = metrics.update_ratio[i];
    row.append(make("th", i < metrics.dead.length ? i + 1 : `${i + 1} (output)`, { scope: "row" }),
      make("td", share(metrics.dead[i])), make("td", share(metrics.saturated[i])),
      make("td", short(norm)), make("td", ratio === null ? "–" : short(ratio, 2)));
    return row;
  }) : []));
  at("advice").replaceChildren(...advice.map((line) => make("li", line)));
  at("advised").hidden = !advice.length;
  at("advised").textContent = `advice below: ${advice.length}`;
}
