// A label's QR says SERIAL-CODE behind the #, which browsers do not send. Take it out of the address bar and the
// history, keep it in this tab while its owner signs in, and fill it into the form.
const KEPT = "plugtone-claim";
const scanned = location.hash.slice(1).match(/^(PT[0-9]{9})-([0-9A-Z]{1,32})$/);
if (scanned) {
  sessionStorage.setItem(KEPT, location.hash.slice(1));
}
history.replaceState(null, "", location.pathname);
const form = document.querySelector("form[action='/console/claim']");
const kept = sessionStorage.getItem(KEPT);
if (form && kept) {
  sessionStorage.removeItem(KEPT);
  const [serial, code] = kept.split("-");
  form.elements.serial.value = serial;
  form.elements.code.value = code;
}
