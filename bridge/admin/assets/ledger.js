// A file is put where its text could be pasted; without scripts it is pasted.
(() => {
  "use strict";
  const label = document.querySelector("[data-file]");
  if (!label) return;
  label.hidden = false;
  label.querySelector("input").addEventListener("change", async (event) => {
    const [file] = event.target.files;
    if (!file) return;
    const form = event.target.form;
    form.elements.text.value = await file.text();
    form.elements.file.value = file.name;
  });
})();
