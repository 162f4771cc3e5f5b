// A page whose <main data-live> says how many seconds its facts stay good is fetched again after that, and every part
// of it that has an id starting with "live-" is put in place. Forms stay, and what a person is typing in them.
const seconds = Number(document.querySelector("[data-live]")?.dataset.live);
async function look() {
  if (!document.hidden) {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } }).catch(() => null);
    if (answer?.redirected) {
      location.reload();
      return;
    }
    if (answer?.ok) {
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const part of document.querySelectorAll("[id^=live-]")) {
        const now = fresh.getElementById(part.id);
        if (now) part.replaceWith(document.importNode(now, true));
      }
      const steps = (page) => [...page.querySelectorAll(".steps form")].map((form) => form.getAttribute("action")).join();
      if (steps(fresh) !== steps(document) || !fresh.querySelector("[data-live]")) {
        location.reload();
        return;
      }
      for (const field of document.querySelectorAll("input[name=version]")) {
        field.value = fresh.querySelector("input[name=version]").value;
      }
    }
  }
  setTimeout(look, seconds * 1000);
}
if (seconds > 0) {
  setTimeout(look, seconds * 1000);
}
