// The start page: of all that a profile's images hold, only what the chosen one does. Without this, everything is listed.

for (const select of document.querySelectorAll("[data-image]")) {
  const field = select.closest(".field");
  const show = () => {
    for (const part of field.querySelectorAll("[data-warns], [data-inside]")) {
      part.hidden = (part.dataset.warns ?? part.dataset.inside) !== select.value;
    }
  };
  select.addEventListener("change", show);
  show();
}
