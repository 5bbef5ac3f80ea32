// Runs before the first paint. Otherwise the page would first flash in the other theme or density.
try {
  const theme = localStorage.getItem("holdfast.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  const density = localStorage.getItem("holdfast.density");
  if (density === "comfortable") document.documentElement.dataset.density = density;
} catch {
  // If storage is blocked, the page uses the theme of the system and the compact density.
}

// If the server is restarted or updated while the page loads, files of the page may be missing. Then this script
// shows a message, and reloads the page as soon as the server answers. It waits longer after each attempt.
{
  const ATTEMPTS = "holdfast.attempts";
  const FIRST_WAIT_MS = 1_000;
  const LONGEST_WAIT_MS = 30_000;
  let isAway = false;

  const show = () => {
    const root = document.getElementById("root");
    if (root === null || root.childElementCount > 0) return false;
    const main = document.createElement("main");
    main.className = "gate";
    const message = document.createElement("div");
    message.setAttribute("role", "alert");
    const heading = document.createElement("h1");
    heading.textContent = "Cannot load the dashboard";
    const text = document.createElement("p");
    text.textContent = `${location.host} does not send the files of the page. The page opens by itself as soon as they arrive.`;
    message.append(heading, text);
    main.append(message);
    root.append(main);
    return true;
  };

  const again = (attempts) => {
    const waitMs = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** attempts);
    setTimeout(async () => {
      const answer = await fetch(location.href, { cache: "no-store" }).catch(() => null);
      if (answer?.ok !== true) return again(attempts);
      sessionStorage.setItem(ATTEMPTS, String(attempts + 1));
      location.reload();
    }, waitMs);
  };

  const onError = ({ target }) => {
    const isFile = target instanceof HTMLScriptElement || target instanceof HTMLLinkElement;
    if (!isFile || isAway || !show()) return;
    isAway = true;
    again(Number(sessionStorage.getItem(ATTEMPTS) ?? 0));
  };
  addEventListener("error", onError, true);
  addEventListener("load", () => {
    if (!isAway) sessionStorage.removeItem(ATTEMPTS);
  });
}
