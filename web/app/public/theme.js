// Applies the chosen theme before the first paint. External, because the page's policy forbids inline
// scripts; without a choice the system's scheme holds through `color-scheme`.
try {
  const theme = localStorage.getItem("parlor.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Storage is forbidden: the system's scheme it is.
}
