// Runs before the first paint. Otherwise the page would first flash in the other theme.
try {
  const theme = localStorage.getItem("holdfast.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // If storage is blocked, the page uses the system theme.
}
