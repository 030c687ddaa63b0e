// Turns a coarse grid over the plane into pixels: values and borders are interpolated between its points.

let made = new Uint32Array(0);

/* Return room for the pixels of an image, which the next image of this size overwrites. */
function room(size) {
  if (made.length !== size * size) made = new Uint32Array(size * size);
  return made;
}

/* For each pixel of a row of `size`, the grid point before it and how far it is from that one to the next.
   The first and the last point of a grid of `side` points lie on the edges. */
function steps(size, side) {
  const before = new Int32Array(size), part = new Float32Array(size);
  for (let i = 0; i < size; i++) {
    const place = (i + 0.5) / size * (side - 1);
    before[i] = Math.min(side - 2, Math.floor(place));
    part[i] = place - before[i];
  }
  return [before, part];
}

/* Return size x size pixels, from the top, of values 0 to 255 on a grid whose rows go up, by a scale of 256 colors. */
export function valuePixels(values, side, size, colors, start = 0) {
  const out = room(size), [before, part] = steps(size, side);
  for (let row = 0; row < size; row++) {
    const from = start + before[size - 1 - row] * side, up = part[size - 1 - row];
    let at = row * size;
    for (let column = 0; column < size; column++, at++) {
      const i = from + before[column], t = part[column];
      const low = values[i] + (values[i + 1] - values[i]) * t;
      const high = values[i + side] + (values[i + side + 1] - values[i + side]) * t;
      out[at] = colors[(low + (high - low) * up) | 0];
    }
  }
  return out;
}

/* Return the pixels of classes: labels says which is predicted at each grid point, strength how sure, 0 to 255, and
   lead how far that class is ahead of the next. The border is where the interpolated leads are equal. scales has 256
   colors for each class; with even, each class has one color. */
export function classPixels({ labels, strength, lead }, side, size, scales, even = false) {
  const out = room(size), [before, part] = steps(size, side);
  const sums = new Float64Array(scales.length), sure = new Float64Array(scales.length), share = new Float64Array(scales.length);
  for (let row = 0; row < size; row++) {
    const from = before[size - 1 - row] * side, up = part[size - 1 - row];
    let at = row * size;
    for (let column = 0; column < size; column++, at++) {
      const a = from + before[column], b = a + 1, c = a + side, d = c + 1, t = part[column];
      const la = labels[a], lb = labels[b], lc = labels[c], ld = labels[d];
      const wd = t * up, wc = up - wd, wb = t - wd, wa = 1 - t - wc;
      if (la === lb && la === lc && la === ld) {
        out[at] = scales[la][even ? 160 : (wa * strength[a] + wb * strength[b] + wc * strength[c] + wd * strength[d]) | 0];
        continue;
      }
      sums[la] = sums[lb] = sums[lc] = sums[ld] = 0;
      sure[la] = sure[lb] = sure[lc] = sure[ld] = 0;
      share[la] = share[lb] = share[lc] = share[ld] = 0;
      sums[la] += wa * (lead[a] + 0.01); sure[la] += wa * strength[a]; share[la] += wa;
      sums[lb] += wb * (lead[b] + 0.01); sure[lb] += wb * strength[b]; share[lb] += wb;
      sums[lc] += wc * (lead[c] + 0.01); sure[lc] += wc * strength[c]; share[lc] += wc;
      sums[ld] += wd * (lead[d] + 0.01); sure[ld] += wd * strength[d]; share[ld] += wd;
      let best = la;
      if (sums[lb] > sums[best]) best = lb;
      if (sums[lc] > sums[best]) best = lc;
      if (sums[ld] > sums[best]) best = ld;
      out[at] = scales[best][even ? 160 : Math.min(255, sure[best] / share[best]) | 0];
    }
  }
  return out;
}
