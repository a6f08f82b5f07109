(() => {
  const board = document.getElementById("board"), body = board.tBodies[0], rows = [...body.rows];
  const find = document.getElementById("find"), state = document.getElementById("state"), shown = document.getElementById("shown");
  const filter = () => {
    const text = find.value.toLowerCase();
    let n = 0;
    for (const row of rows) {
      row.hidden = !row.textContent.toLowerCase().includes(text) || (state.value !== "" && row.dataset.state !== state.value);
      n += !row.hidden;
    }
    shown.value = shown.dataset.text.replace("#", n).replace("%", rows.length);
  };
  find.addEventListener("input", filter);
  state.addEventListener("input", filter);
  filter();
  const value = (row, column) => {
    const cell = row.cells[column];
    return cell.dataset.v === undefined ? cell.textContent : Number(cell.dataset.v);
  };
  const heads = [...board.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    if ("plain" in head.dataset) return;
    const button = document.createElement("button");
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const first = head.classList.contains("n") ? "descending" : "ascending";
      const order = head.ariaSort === first ? (first === "ascending" ? "descending" : "ascending") : first;
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", order);
      const sign = order === "ascending" ? 1 : -1;
      rows.sort((one, other) => {
        const a = value(one, column), b = value(other, column);
        return sign * (typeof a === "number" ? a - b : a.localeCompare(b, undefined, { numeric: true }));
      });
      body.append(...rows);
    });
  });
})();
