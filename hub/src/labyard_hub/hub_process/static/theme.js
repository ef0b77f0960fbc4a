// Runs before the page is drawn, so that it never flashes in the other theme.
(() => {
  document.documentElement.classList.add("js");
  try {
    const theme = localStorage.getItem("labyard-theme");
    if (theme === "light" || theme === "dark") {
      document.documentElement.dataset.theme = theme;
    }
  } catch {
    // Storage is switched off: the system's theme it is.
  }
})();
