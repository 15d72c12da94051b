// Runs before the first paint, so that a chosen theme does not flash the other one.
(function () {
  try {
    const theme = localStorage.getItem('millrace.theme');
    if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
  } catch {
    // Storage is switched off: the system's theme it is.
  }
})();
