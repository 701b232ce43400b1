// Continues a form with a passkey. A button says what is done (`data-passkey`), with which options
// (`data-options`, or `data-source`: the path that answers them), and where the form goes (`data-action`).
// The fields with `data-or-passkey` are not needed then.

/** The options for the authenticator. */
async function options(button, signal) {
  if (button.dataset.options) return JSON.parse(button.dataset.options);
  const token = button.form.elements.csrf_token?.value;
  const answer = await fetch(button.dataset.source, token
    ? { method: "POST", signal, headers: { "x-csrf-token": token } }
    : { method: "POST", signal, headers: { "content-type": "application/json" }, body: '{"delivery":"cookie"}' });
  if (!answer.ok) throw new Error(`${button.dataset.source}: ${answer.status}`);
  return (await answer.json()).public_key;
}

/** Asks the authenticator. */
async function credential(button, request) {
  const given = await options(button, request.signal);
  return button.dataset.passkey === "create"
    ? navigator.credentials.create({ ...request, publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(given) })
    : navigator.credentials.get({ ...request, publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(given) });
}

/** Sends the form with the answer of the authenticator. */
function send(button, found) {
  const { form } = button;
  for (const field of form.querySelectorAll("[data-or-passkey]")) field.disabled = true;
  const answer = form.elements.credential ?? document.createElement("input");
  answer.type = "hidden";
  answer.name = "credential";
  answer.value = JSON.stringify(found.toJSON());
  form.append(answer);
  if (button.dataset.action) form.action = button.dataset.action;
  form.requestSubmit();
}

function prepare(button) {
  const fault = document.getElementById("passkey-fault");
  let waiting;
  // The server refuses a second answer from the same page. A form with an empty required field is not sent.
  button.form.addEventListener("submit", () => { button.disabled = true; });
  addEventListener("pagehide", () => { button.disabled = false; });
  const proceed = async (request) => {
    waiting?.abort();
    waiting = new AbortController();
    const { signal } = waiting;
    const found = await credential(button, { ...request, signal });
    // The button was pressed while the authenticator answered to what the browser fills in.
    signal.throwIfAborted();
    send(button, found);
  };
  button.addEventListener("click", async () => {
    fault.hidden = true;
    try {
      await proceed({});
    } catch (error) {
      if (error.name !== "AbortError") fault.hidden = false;
    }
  });
  button.hidden = false;
  if ("autofill" in button.dataset) {
    PublicKeyCredential.isConditionalMediationAvailable?.().then((offers) => {
      // Nothing is said: the person has not asked for it.
      if (offers) proceed({ mediation: "conditional" }).catch(() => {});
    });
  }
}

if (window.PublicKeyCredential?.parseRequestOptionsFromJSON) {
  for (const button of document.querySelectorAll("[data-passkey]")) prepare(button);
}
