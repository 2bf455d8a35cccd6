// Sign-up forms, on the service's own page and on other sites: proves work instead of showing a
// puzzle, and stays on the page. Without it, or when anything here fails, the form is sent as usual.
// Version 1. A version that sites have copied is never changed: make a new file instead.
(() => {
  "use strict";

  const BATCH = 8; // derivations asked for at once, so that the page stays quick to touch
  const PATIENCE_MS = 30000;
  const bytes = (hex) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
  const hex = (buffer) => [...new Uint8Array(buffer)].map((byte) => byte.toString(16).padStart(2, "0")).join("");

  async function derive(task, counter) {
    const nonce = bytes(task.nonce);
    const password = new Uint8Array(nonce.length + 4);
    password.set(nonce);
    new DataView(password.buffer).setUint32(nonce.length, counter);
    const key = await crypto.subtle.importKey("raw", password, "PBKDF2", false, ["deriveBits"]);
    const how = { name: "PBKDF2", hash: "SHA-256", salt: bytes(task.salt), iterations: task.cost };
    return hex(await crypto.subtle.deriveBits(how, key, task.keyLength * 8));
  }

  async function solve(url) {
    const answer = await fetch(url, { credentials: "omit", cache: "no-store" });
    if (!answer.ok) throw new Error("no task");
    const challenge = await answer.json();
    const task = challenge.parameters;
    const ends = performance.now() + PATIENCE_MS;
    for (let first = 0; performance.now() < ends; first += BATCH) {
      const keys = await Promise.all(Array.from({ length: BATCH }, (_, n) => derive(task, first + n)));
      const found = keys.findIndex((key) => key.startsWith(task.keyPrefix));
      if (found < 0) continue;
      const solution = { counter: first + found, derivedKey: keys[found] };
      return { text: btoa(JSON.stringify({ challenge, solution })), until: task.expiresAt * 1000 - 15000 };
    }
    throw new Error("too much work");
  }

  class Form {
    constructor(form) {
      this.form = form;
      this.button = form.querySelector("button:not([type=button])");
      this.stays = form.dataset.newsletter !== "page";
      this.busy = false;
      form.addEventListener("focusin", () => this.begin(), { once: true });
      form.addEventListener("submit", (event) => this.submit(event));
    }

    begin() {
      this.proof ??= solve(this.form.dataset.task ?? this.form.action.replace(/[?#].*$/, "") + "/task").catch(() => null);
      return this.proof;
    }

    async submit(event) {
      event.preventDefault();
      if (this.busy) return;
      this.busy = true;
      this.button?.setAttribute("aria-busy", "true");
      let proof = await this.begin();
      if (proof && proof.until < Date.now()) {
        this.proof = undefined;
        proof = await this.begin();
      }
      if (proof) this.hidden("altcha", proof.text);
      this.proof = undefined; // it opens the door once
      this.busy = false;
      this.button?.removeAttribute("aria-busy");
      if (this.stays && proof) await this.send();
      else HTMLFormElement.prototype.submit.call(this.form);
    }

    hidden(name, value) {
      let input = this.form.querySelector(`input[type=hidden][name=${name}]`);
      if (!input) {
        input = Object.assign(document.createElement("input"), { type: "hidden", name });
        this.form.append(input);
      }
      input.value = value;
    }

    async send() {
      let said;
      try {
        const answer = await fetch(this.form.action, {
          method: "POST",
          body: new URLSearchParams(new FormData(this.form)),
          headers: { Accept: "application/json" },
          credentials: "omit",
        });
        said = await answer.json();
      } catch {
        HTMLFormElement.prototype.submit.call(this.form); // not let in, or no network: the plain way
        return;
      }
      this.tell(said);
    }

    tell(said) {
      const email = this.form.elements.namedItem("email");
      const input = this.form.elements.namedItem(said.field ?? "email");
      if (!input) {
        HTMLFormElement.prototype.submit.call(this.form); // asked for since it was copied: our page has it
        return;
      }
      this.message?.remove();
      for (const each of this.form.elements) {
        each.removeAttribute("aria-invalid");
        each.removeAttribute("aria-describedby");
      }
      const box = (this.message = document.createElement("div"));
      box.className = `newsletter-message newsletter-message--${said.state}`;
      box.tabIndex = -1;
      for (const text of said.texts) box.append(Object.assign(document.createElement("p"), { textContent: text }));
      if (said.state === "asked") {
        box.setAttribute("role", "status");
        this.form.replaceWith(box);
      } else {
        box.setAttribute("role", "alert");
        box.id = `newsletter-message-${Form.number++}`;
        if (said.state === "wrong") {
          input.setAttribute("aria-invalid", "true");
          input.setAttribute("aria-describedby", box.id);
        }
        if (said.suggestion) box.append(this.suggest(said, email));
        this.form.prepend(box);
      }
      (said.state === "wrong" ? input : box).focus();
    }

    suggest(said, input) {
      this.hidden("suggested", said.suggestion);
      const yes = Object.assign(document.createElement("button"), { type: "button", textContent: said.yes });
      yes.addEventListener("click", () => {
        input.value = said.suggestion;
        this.form.requestSubmit();
      });
      return yes;
    }
  }
  Form.number = 1;

  function start() {
    if (!globalThis.crypto?.subtle) return; // only a page with https has it: the plain way
    for (const form of document.querySelectorAll("form[data-newsletter]:not([data-ready])")) {
      form.dataset.ready = "";
      form.noValidate = true; // the service says what is wrong, in whole sentences
      new Form(form);
    }
  }

  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
