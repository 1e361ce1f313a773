import { hideMessage, showMessage } from "./messages.js";

const log = document.querySelector("#log");
const stream = new EventSource(log.dataset.stream);

for (const type of ["message", "announcement"]) {
  stream.addEventListener(type, ({ data }) => showMessage(log, JSON.parse(data)));
}
stream.addEventListener("hidden", ({ data }) => hideMessage(JSON.parse(data)));
