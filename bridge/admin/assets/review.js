// Clearing the inbox without waiting for whole pages, by keyboard. Everything works without it.
(() => {
  "use strict";

  const part = (name, of = document) => of.querySelector(`[data-part="${name}"]`);
  // A dialog that was just closed has the focus until the next frame.
  const typing = (event) => event.target.closest("input, select, textarea, dialog[open]");
  let busy = false;

  // ---------------------------------------------------------------------------------------------------- parts of pages
  // Takes what another page holds in its parts; a page without them is gone to as a whole.
  const put = (text, url, push) => {
    const page = new DOMParser().parseFromString(text, "text/html");
    const fresh = part("card", page);
    const classes = (of) => [of.className, of.parentElement.className].join();
    if (!fresh || classes(fresh) !== classes(part("card"))) return false;
    for (const name of ["picks", "card"]) {
      const [old, now] = [part(name), part(name, page)];
      if (old && now) old.replaceWith(document.adoptNode(now));
    }
    document.title = page.title;
    history[push ? "pushState" : "replaceState"]({ part: true }, "", url);
    arrived();
    return true;
  };

  // What stands in the middle says where to look: the effects of a typed value, or the heading.
  const arrived = () => {
    const to = document.querySelector("[data-part=card] [data-focus], [data-part=card] [role=alert]") ?? document.querySelector("[data-part=card] h1");
    if (to && to.getAttribute("role") === "alert") to.tabIndex = -1;
    to?.focus({ preventScroll: true });
    window.scrollTo(0, 0);
  };

  const go = async (url, options, push) => {
    if (busy) return;
    busy = true;
    document.body.classList.add("busy");
    try {
      const answer = await fetch(url, options);
      const text = await answer.text();
      // An answer to a form that leads nowhere else belongs to the page it was sent from.
      const here = options?.method === "POST" && !answer.redirected;
      if (put(text, here ? document.location.href : answer.url, push)) return;
      if (here) document.location.reload();
      else document.location.assign(answer.url);
    } catch {
      document.location.assign(url);
    } finally {
      busy = false;
      document.body.classList.remove("busy");
    }
  };

  document.addEventListener("submit", (event) => {
    const form = event.target.closest("form[data-swap]");
    if (!form) return;
    event.preventDefault();
    const body = new URLSearchParams(new FormData(form));
    const by = event.submitter;
    if (by?.name) body.set(by.name, by.value);
    go(form.action, { method: "POST", body }, false);
  });

  document.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    const link = event.target.closest(".queue li a, .steps a, [data-part=card] > p a[data-key=Enter]");
    if (link) {
      event.preventDefault();
      return void go(link.href, undefined, true);
    }
    const row = event.target.closest("tr[data-open]");
    if (row && !event.target.closest("a, button") && !String(getSelection())) document.location.assign(row.dataset.open);
  });
  window.addEventListener("popstate", () => document.location.reload());

  // ---------------------------------------------------------------------------------------------------------- the keys
  const keyed = (key) => [...document.querySelectorAll("[data-key]")].find((of) => of.dataset.key.split(" ").includes(key));

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (typing(event)) {
      if (event.key === "Escape") event.target.closest("input, select, textarea")?.blur();
      return;
    }
    const card = part("card");
    const press = (act) => {
      event.preventDefault();
      act();
    };
    if (event.key === "?") return press(() => document.querySelector("#keys")?.showModal());
    if (event.key === "/") {
      const box = document.querySelector("input[type=search]");
      if (box) press(() => box.focus());
      return;
    }
    const on = { j: card?.dataset.next, k: card?.dataset.previous }[event.key];
    if (on) return press(() => go(on, undefined, true));
    if (event.key === "Enter") {
      const row = document.activeElement.closest("tr[data-open]");
      if (row && document.activeElement === row) return press(() => document.location.assign(row.dataset.open));
      if (document.activeElement.closest("a, button, summary")) return;
    }
    const of = keyed(event.key);
    if (!of || busy) return;
    press(() => (of.matches("input") ? of.focus() : of.click()));
  });

  // ---------------------------------------------------------------------------------------------------- live counts
  const counts = (all) => {
    for (const of of document.querySelectorAll("[data-count]")) {
      const n = all[of.dataset.count];
      if (n !== undefined || of.dataset.count.includes("/")) of.textContent = (n ?? 0).toLocaleString("en");
    }
    const bar = document.querySelector('.bar [data-live="inbox"]');
    if (bar && all.open !== undefined) bar.textContent = all.open.toLocaleString("en");
  };
  if (document.querySelector(".bar nav") && window.EventSource) {
    let stream;
    const follow = () => {
      stream?.close();
      stream = undefined;
      if (document.hidden) return;
      stream = new EventSource("/live");
      stream.onmessage = (event) => counts(JSON.parse(event.data));
    };
    document.addEventListener("visibilitychange", follow);
    window.addEventListener("pagehide", () => stream?.close());
    follow();
  }
})();
