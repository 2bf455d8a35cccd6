// The desk's conveniences. Every page does its work without them.
(() => {
  "use strict";

  // -- how many rows are chosen --------------------------------------------------------------
  function countChosen(bar) {
    const form = document.getElementById(bar.dataset.selection);
    if (!form) return;
    const chosen = [...form.elements].filter((box) => box.type === "checkbox" && box.checked).length;
    const text = bar.querySelector("[data-selection-count]");
    text.dataset.rest ??= text.textContent;
    const counted = chosen === 1 ? bar.dataset.one : bar.dataset.other.replace("{n}", chosen);
    text.textContent = chosen ? counted : text.dataset.rest;
  }

  // -- how long a text is --------------------------------------------------------------------
  function countCharacters(counter) {
    const input = document.getElementById(counter.dataset.counterFor);
    if (!input) return;
    // a field of the list counts as what stands where a reader has not answered
    const length = [...input.value.replace(/\{\s*[a-z0-9_]+\s*\|([^{}|\n]+)\}/g, "$1")].length;
    counter.textContent = counter.dataset.counterText.replace("{n}", length);
    counter.classList.toggle("field__count--over", length > Number(counter.dataset.counterLimit));
  }

  // -- a time in words, as people here write it -----------------------------------------------
  function sayTime(said) {
    const at = new Date(document.getElementById(said.dataset.saidFor).value);
    const shape = { weekday: "long", day: "numeric", month: "long", hour: "2-digit", minute: "2-digit" };
    const words = Number.isNaN(at.valueOf()) ? "" : at.toLocaleString(document.documentElement.lang, shape);
    said.textContent = words.replace(/(\d\d):(\d\d)$/, document.documentElement.lang === "sv" ? "$1.$2" : "$1:$2");
  }

  // -- the inbox row says what is being typed ------------------------------------------------
  function mirror(input) {
    for (const target of document.querySelectorAll(`[data-mirror="${CSS.escape(input.name)}"]`)) {
      target.textContent = input.value;
    }
  }

  // -- a reader's answer goes in where the cursor was ------------------------------------------
  function followCursor(input) {
    const where = document.querySelector("[data-answers] select[name='answer.place']");
    if (![...(where?.options ?? [])].some((option) => option.value === input.name)) return;
    where.value = input.name;
    where.dataset.at = input.name;
  }

  function putIn(button) {
    const form = button.closest("[data-answers]");
    const part = (name) => form.querySelector(`[name="answer.${name}"]`);
    const [where, words] = [part("place"), part("fallback").value.trim()];
    if (where.dataset.at !== where.value || !words || /[{|}]/.test(words)) return false;
    const target = button.form.elements[where.value];
    const space = /[^\s([{"”“]$/.test(target.value.slice(0, target.selectionStart)) ? " " : "";
    target.focus();
    target.setRangeText(`${space}{${part("key").value}|${words}}`, target.selectionStart, target.selectionEnd, "end");
    for (const kind of ["input", "change"]) target.dispatchEvent(new Event(kind, { bubbles: true }));
    return true;
  }

  // -- another view of the letter without leaving the page -----------------------------------
  function showView(link) {
    const frame = link.closest("[data-mail-frame]");
    frame.querySelector("iframe").src = link.dataset.viewSrc;
    frame.classList.toggle("mail-frame--phone", link.dataset.viewWidth === "phone");
    for (const other of frame.querySelectorAll("[data-view-src]")) other.removeAttribute("aria-current");
    link.setAttribute("aria-current", "true");
  }

  function fitFrame(frame) {
    const letter = frame.contentDocument?.documentElement;
    if (!letter || frame.contentDocument.URL === "about:blank") return;
    frame.classList.add("fitted");
    frame.removeAttribute("height"); // so that a short letter after a long one shrinks it again
    frame.height = letter.scrollHeight;
  }

  // Turned or made wider, the letter has other lines; its own height changing is no reason.
  function fitToWidth(frame) {
    if (frame.dataset.fittedWidth !== String(frame.clientWidth)) fitFrame(frame);
    frame.dataset.fittedWidth = frame.clientWidth;
  }

  // -- a text to take along -------------------------------------------------------------------
  async function copyText(button) {
    const source = document.getElementById(button.dataset.copy);
    source.select();
    try {
      await navigator.clipboard.writeText(source.value);
    } catch {
      document.execCommand("copy"); // an installation tried out without TLS has no clipboard
    }
    button.lastChild.textContent = button.dataset.copied;
  }

  // -- a form as it would look ------------------------------------------------------------------
  function tryLook(form) {
    const frame = document.querySelector("[data-form-preview]");
    const tried = new URLSearchParams();
    for (const name of ["accent", "paper", "corners", "font"]) {
      const value = new FormData(form).get(name) ?? "";
      if (value !== "" && (!["accent", "paper"].includes(name) || /^#([0-9a-f]{3}|[0-9a-f]{6})$/i.test(value))) tried.set(name, value);
    }
    const url = `${frame.dataset.formPreview}?${tried}`;
    if (frame.getAttribute("src") !== url) frame.setAttribute("src", url);
  }

  // -- how long there is to undo -------------------------------------------------------------
  function tick(bar) {
    const left = Math.max(0, Math.round((Date.parse(bar.dataset.undoUntil) - Date.now()) / 1000));
    const clock = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
    bar.querySelector("[data-undo-left]").textContent = left < 3600 ? clock : "";
    if (left > 0) return true;
    bar.querySelector("button").disabled = true;
    return false;
  }

  function watch(bar) {
    if (!tick(bar)) return;
    const timer = setInterval(() => tick(bar) || clearInterval(timer), 1000);
  }

  // -- what renews itself never takes a button away from under a press --------------------------
  let pressing = false;
  let leaving = false;
  let focused = "";
  const renewsItself = (element) => (element.getAttribute("hx-trigger") ?? "").startsWith("every");

  function holdStill(event) {
    if (renewsItself(event.detail.elt) && (pressing || leaving)) event.preventDefault();
  }

  // -- what was typed last is kept, also when somebody goes on at once --------------------------
  const written = { typed: 0, asked: 0, kept: 0, asking: false };
  const isUnkept = () => written.kept !== written.typed;
  const isComposer = (form) => form?.id === "composer";

  async function keepThenGo(form, url) {
    while (written.asking) await new Promise((done) => setTimeout(done, 50));
    const asks = { method: "POST", body: new FormData(form), headers: { "HX-Request": "true" } };
    const answer = isUnkept() ? await fetch(form.action, asks).catch(() => null) : null;
    const isKept = !isUnkept() || (answer?.ok && answer.headers.has("HX-Trigger"));
    written.kept = written.typed;
    if (isKept) location.assign(url);
    else form.requestSubmit(form.querySelector("button[value='save']")); // the page says why, with all of it
  }

  function holdLink(event) {
    const link = event.target.closest("a[href]");
    const isPlain = link && !link.target && !(event.ctrlKey || event.metaKey || event.shiftKey || event.button);
    if (!isPlain || event.defaultPrevented || link.getAttribute("href").startsWith("#") || !isUnkept()) return;
    event.preventDefault();
    keepThenGo(document.getElementById("composer"), link.href);
  }

  // -- a sheet that starts folded on a phone -------------------------------------------------
  function foldPanels() {
    if (window.matchMedia("(min-width: 64rem)").matches) return;
    for (const panel of document.querySelectorAll("[data-panel]")) panel.open = false;
  }

  function start(root) {
    root.querySelectorAll("[data-selection]").forEach(countChosen);
    root.querySelectorAll("[data-counter-for]").forEach(countCharacters);
    root.querySelectorAll("[data-undo-until]").forEach(watch);
    root.querySelectorAll("[data-mail-frame] iframe").forEach((frame) => {
      frame.addEventListener("load", () => fitFrame(frame));
      new ResizeObserver(() => fitToWidth(frame)).observe(frame);
      fitFrame(frame);
    });
  }

  document.addEventListener("change", () => document.querySelectorAll("[data-selection]").forEach(countChosen));
  document.addEventListener("input", ({ target }) => {
    if (target.form && "formLook" in target.form.dataset) tryLook(target.form);
    if (target.name) mirror(target);
    document.querySelectorAll(`[data-counter-for="${CSS.escape(target.id)}"]`).forEach(countCharacters);
    document.querySelectorAll(`[data-said-for="${CSS.escape(target.id)}"]`).forEach(sayTime);
  });
  document.addEventListener("click", (event) => {
    const copy = event.target.closest("[data-copy]");
    if (copy) copyText(copy);
    const putter = event.target.closest("[data-answers] button[value='answer']");
    if (putter && putIn(putter)) event.preventDefault();
    const link = event.target.closest("[data-dialog], [data-dialog-close], [data-view-src]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const dialog = link.dataset.dialog && document.getElementById(link.dataset.dialog);
    if (dialog?.showModal) dialog.showModal();
    else if ("dialogClose" in link.dataset && link.closest("dialog")) link.closest("dialog").close();
    else if ("viewSrc" in link.dataset) showView(link);
    else return;
    event.preventDefault();
  });
  document.addEventListener("input", ({ target }) => isComposer(target.form) && (written.typed += 1));
  document.addEventListener("htmx:beforeRequest", ({ detail }) => {
    if (isComposer(detail.elt)) [written.asked, written.asking] = [written.typed, true];
  });
  document.addEventListener("htmx:afterRequest", ({ detail }) => {
    if (!isComposer(detail.elt)) return;
    written.asking = false;
    if (detail.xhr?.getResponseHeader("HX-Trigger")) written.kept = written.asked;
  });
  document.addEventListener("click", holdLink);
  addEventListener("pagehide", () => {
    const form = isUnkept() && document.getElementById("composer");
    if (form) navigator.sendBeacon(form.action, new FormData(form));
  });
  document.addEventListener("focusin", ({ target }) => target.name && followCursor(target));
  document.addEventListener("keydown", (event) => {
    const open = event.key === "Escape" && document.querySelector(".fold[open]");
    if (!open) return;
    open.open = false;
    open.querySelector("summary").focus();
  });
  // What was written is kept: the letter follows, in the view and at the place where it was.
  document.addEventListener("letter-changed", () => {
    document.querySelector("[data-mail-frame] iframe")?.contentWindow.location.reload();
  });
  document.addEventListener("pointerdown", () => (pressing = true));
  // the click comes after the pointer is up
  for (const end of ["pointerup", "pointercancel"]) {
    document.addEventListener(end, () => setTimeout(() => (pressing = false)));
  }
  document.addEventListener("submit", (event) => {
    if (event.defaultPrevented) return;
    if (isComposer(event.target)) written.kept = written.typed;
    leaving = true;
    setTimeout(() => (leaving = false), 5000); // what was asked for may be a file
  });
  document.addEventListener("htmx:beforeOnLoad", holdStill);
  // a button that was renewed keeps the keyboard's focus
  document.addEventListener("htmx:beforeSwap", () => {
    focused = document.activeElement?.closest("form")?.getAttribute("action") ?? "";
  });
  document.addEventListener("htmx:afterSettle", () => {
    const lost = focused && document.activeElement === document.body;
    if (lost) document.querySelector(`form[action="${CSS.escape(focused)}"] button`)?.focus();
  });
  document.addEventListener("htmx:load", (event) => start(event.detail.elt));
  foldPanels();
  start(document);
})();
