// Shows new entries of the audit log while the page is visible. It loads the page of the entries since the newest one, and
// takes the rows of its table as nodes, so that no text becomes markup.

const PAUSE = 5_000;
const MOST_LOADS = 360;
const MOST_ROWS = 200;

/** Loads a page as a document. Without an answer the status is 0. */
function load(path) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.open("GET", path);
    // Over plain HTTP browsers do not say themselves that a script asks.
    request.setRequestHeader("x-requested-with", "XMLHttpRequest");
    request.responseType = "document";
    request.timeout = 30_000;
    request.addEventListener("loadend", () => resolve(request));
    request.send();
  });
}

/** Adds the rows that the table does not have. Returns their number. */
function add(page) {
  const entries = document.getElementById("entries");
  if (!entries.querySelector("tbody")) {
    const table = page.querySelector("#entries:has(tbody)");
    if (!table) return 0;
    entries.replaceChildren(...document.importNode(table, true).childNodes);
    return entries.querySelectorAll("tr[data-id]").length;
  }
  const body = entries.querySelector("tbody");
  const known = new Set([...body.rows].map((row) => row.dataset.id));
  const rows = [...page.querySelectorAll("#entries tr[data-id]")].filter((row) => !known.has(row.dataset.id));
  body.prepend(...rows.map((row) => document.importNode(row, true)));
  for (const row of [...body.rows].slice(MOST_ROWS)) row.remove();
  return rows.length;
}

/** The word for an answer after which the page asks no more; none for a page of entries. */
function refusal({ status, responseURL }) {
  const isElsewhere = status === 200 && new URL(responseURL).pathname !== location.pathname;
  if (status === 401 || isElsewhere) return "sessionOver";
  if (status === 403) return "notPermitted";
  return status === 429 ? "tooMany" : undefined;
}

function follow(tools) {
  const status = tools.querySelector("[role=status]");
  const button = tools.querySelector("button");
  let source = tools.dataset.tail;
  let [isRunning, isLoading, left, timer] = [true, false, MOST_LOADS, undefined];
  const say = (word, more = "") => {
    status.textContent = `${status.dataset[word]}${more}`;
  };
  const run = (isOn, word) => {
    isRunning = isOn;
    button.textContent = isOn ? button.dataset.pause : button.dataset.proceed;
    say(word);
    clearTimeout(timer);
  };
  const take = (answer) => {
    const word = refusal(answer);
    if (word) {
      run(false, word);
      button.hidden = word !== "tooMany";
    } else if (answer.status !== 200 || !answer.response) {
      say("unanswered");
    } else {
      const count = add(answer.response);
      source = answer.response.querySelector("[data-tail]")?.dataset.tail ?? source;
      if (answer.response.querySelector("[rel=next]")) say("leftOut");
      else if (count > 0) say("new", ` ${count}`);
      else if (status.textContent === status.dataset.unanswered) say("live");
    }
  };
  const wait = () => {
    clearTimeout(timer);
    if (isRunning && document.visibilityState === "visible") timer = setTimeout(look, PAUSE);
  };
  async function look() {
    if (isLoading) return;
    if (left === 0) return run(false, "pausedLong");
    left -= 1;
    isLoading = true;
    const answer = await load(source);
    isLoading = false;
    // What comes after the pause began is shown when the page goes on.
    if (isRunning) take(answer);
    wait();
  }
  button.addEventListener("click", () => {
    left = MOST_LOADS;
    run(!isRunning, isRunning ? "paused" : "live");
    wait();
  });
  document.addEventListener("visibilitychange", wait);
  tools.hidden = false;
  say("live");
  wait();
}

for (const tools of document.querySelectorAll("[data-tail]")) follow(tools);
