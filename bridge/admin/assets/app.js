// What makes the pages quicker to use. Everything works without it.
(() => {
  "use strict";

  // Rows: j and k move, as in a mail program.
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, select, textarea");
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    const step = { j: 1, k: -1 }[event.key];
    if (!step) return;
    const rows = [...document.querySelectorAll("tr[tabindex]")];
    const at = rows.indexOf(document.activeElement.closest("tr[tabindex]"));
    const next = rows[at < 0 ? 0 : Math.min(Math.max(at + step, 0), rows.length - 1)];
    if (next) {
      next.focus();
      event.preventDefault();
    }
  });

  // Menus of the bar: away with a click elsewhere, with Escape, and when the keyboard goes on.
  const menus = [...document.querySelectorAll("details.menu")];
  const shut = (but) => menus.forEach((menu) => menu === but || (menu.open = false));
  for (const how of ["click", "focusin"]) {
    document.addEventListener(how, (event) => shut(event.target.closest("details.menu")));
  }
  document.addEventListener("keydown", (event) => {
    const open = menus.find((menu) => menu.open);
    if (!open || event.key !== "Escape") return;
    open.open = false;
    open.querySelector("summary").focus();
    event.stopImmediatePropagation();
  }, true);

  // Copying a link.
  for (const button of document.querySelectorAll("[data-copy]")) {
    if (!navigator.clipboard) continue;
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(button.previousElementSibling.value);
      button.textContent = "Copied";
    });
  }

  // A page that shows how things are looks again by itself, without keeping anybody signed in.
  const live = document.querySelector("[data-every]");
  if (!live) return;
  const again = async () => {
    if (document.hidden || live.contains(document.activeElement)) return;
    const answer = await fetch(location.href, { headers: { "x-by-itself": "1" } }).catch(() => null);
    if (!answer) return;
    // Signed out meanwhile: what stands here is for nobody any more.
    if (answer.redirected) return location.reload();
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of document.querySelectorAll("[data-live]")) {
      const fresh = page.querySelector(`[data-live="${part.dataset.live}"]`);
      if (fresh) part.replaceChildren(...fresh.childNodes);
    }
    // What was under way is over.
    if (!page.querySelector("[data-every]")) clearInterval(timer);
  };
  const timer = setInterval(again, 1000 * Number(live.dataset.every));
})();
