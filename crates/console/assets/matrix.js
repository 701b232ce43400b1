// Makes the picture of the access matrix one stop of the Tab key, after the grid pattern of ARIA: the arrow keys lead from
// cell to cell, left and right also from row to row, and the rules of the cell that has the focus are shown. Without it, each cell is a stop.

/** Shows the rules of a cell: those that its marks show to a mouse. */
function show(panel, link) {
  const texts = [...link.querySelectorAll("title")].map((title) => title.textContent);
  panel.querySelector("p").textContent = link.getAttribute("aria-label");
  panel.querySelector("ul").replaceChildren(...texts.map((text) => {
    const item = document.createElement("li");
    item.textContent = text;
    return item;
  }));
  panel.hidden = false;
  link.scrollIntoView({ block: "nearest", inline: "nearest" });
}

function steer(table, panel) {
  const rows = [...table.tBodies[0].rows].map((row) => [...row.cells].map((cell) => cell.querySelector("a")));
  const links = rows.flat().filter(Boolean);
  const rowOf = (link) => rows.findIndex((row) => row.includes(link));
  const below = (link, step) => {
    let row = rowOf(link);
    const column = rows[row].indexOf(link);
    do row += step; while (rows[row]?.[column] === null);
    return rows[row]?.[column];
  };
  const ways = {
    ArrowLeft: (link) => links[links.indexOf(link) - 1],
    ArrowRight: (link) => links[links.indexOf(link) + 1],
    ArrowUp: (link) => below(link, -1),
    ArrowDown: (link) => below(link, 1),
    Home: (link) => rows[rowOf(link)].find(Boolean),
    End: (link) => rows[rowOf(link)].findLast(Boolean),
  };
  for (const link of links.slice(1)) link.tabIndex = -1;
  table.setAttribute("role", "grid");
  table.addEventListener("focusin", ({ target }) => {
    for (const link of links) link.tabIndex = link === target ? 0 : -1;
    target.setAttribute("aria-describedby", panel.id);
    show(panel, target);
  });
  table.addEventListener("focusout", () => {
    panel.hidden = true;
  });
  table.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "Escape") panel.hidden = true;
    const link = ways[event.key]?.(event.target);
    if (!link) return;
    event.preventDefault();
    link.focus();
  });
}

const panel = document.getElementById("shown-rules");
const table = document.querySelector(".matrix table");
if (panel && table) steer(table, panel);
