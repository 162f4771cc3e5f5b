// The secret of a one-time link stands behind the #, which browsers do not send. Put it into the form and take it
// out of the address bar and the history.
const field = document.querySelector("input[name=secret]");
if (field && location.hash.length > 1) {
  field.value = location.hash.slice(1);
  field.closest("label").hidden = true;
  history.replaceState(null, "", location.pathname);
}
