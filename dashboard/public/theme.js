// Runs before the first paint, so that a chosen theme does not flash.
try {
  const theme = localStorage.getItem("holdfast.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // If storage is blocked, the page uses the system theme.
}
