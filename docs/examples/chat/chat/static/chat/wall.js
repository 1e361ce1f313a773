const log = document.querySelector("#log");
const stream = new EventSource(log.dataset.stream);

function element(tag, className, text = "") {
  const node = document.createElement(tag);
  node.className = className;
  node.textContent = text;
  return node;
}

function show({ data }) {
  const { id, type, user, text } = JSON.parse(data);
  if (document.querySelector(`#message-${id}`)) return;
  const item = element("li", type);
  item.id = `message-${id}`;
  item.append(element("b", "user", user), element("span", "text", text));
  log.append(item);
  item.scrollIntoView({ block: "nearest" });
}

stream.addEventListener("message", show);
stream.addEventListener("announcement", show);
stream.addEventListener("hidden", ({ data }) => {
  document.querySelector(`#message-${JSON.parse(data).id}`)?.remove();
});
