"use strict";
for (const score of document.querySelectorAll(".score[data-moves]")) {
  const moves = JSON.parse(score.dataset.moves);
  const slider = score.querySelector("input");
  const told = score.querySelector("output");
  const line = score.querySelector("line.moved");
  const show = () => {
    const move = moves[Number(slider.value)];
    line.setAttribute("x1", move.x);
    line.setAttribute("x2", move.x);
    told.textContent = move.said;
    slider.setAttribute("aria-valuetext", move.said);
  };
  slider.addEventListener("input", show);
  slider.hidden = false;
  show();
}
