// Copies, saves and prints a secret that is shown once.

for (const tools of document.querySelectorAll("[data-secret]")) {
  const text = () =>
    [...document.querySelectorAll(`${tools.dataset.secret} [data-line]`)]
      .map((line) => line.textContent.trim())
      .join("\n");
  const done = tools.querySelector("[role=status]");
  const actions = {
    async copy() {
      await navigator.clipboard.writeText(text());
      done.textContent = done.dataset.copied;
    },
    save() {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([`${text()}\n`], { type: "text/plain" }));
      link.download = tools.dataset.file;
      link.click();
      URL.revokeObjectURL(link.href);
    },
    print() {
      window.print();
    },
  };
  for (const button of tools.querySelectorAll("button")) {
    button.addEventListener("click", () => actions[button.dataset.do]());
  }
  tools.hidden = false;
}
