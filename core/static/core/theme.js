// @ts-check
// Before the first paint: the theme this person chose last, if any. Without a choice the system's preference rules.
{
  const root = document.documentElement;
  const chosen = localStorage.getItem("nocturne-theme");
  if (chosen === "dark" || chosen === "light") root.dataset.theme = chosen;
}
