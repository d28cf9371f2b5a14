// @ts-check
/** <button data-key="a">: pressing A is pressing it, wherever nobody is writing and it can be seen. */

document.addEventListener("keydown", (event) => {
  const target = event.target instanceof HTMLElement ? event.target : null;
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || target?.closest("input, select, textarea")) return;
  for (const element of document.querySelectorAll(`[data-key="${CSS.escape(event.key.toLowerCase())}"]`)) {
    if (!(element instanceof HTMLElement) || !element.checkVisibility()) continue;
    event.preventDefault();
    element.click();
    return;
  }
});
