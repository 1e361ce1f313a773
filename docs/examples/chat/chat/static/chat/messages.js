// What a room, and the screen on its wall, show of a message.

const clock = new Intl.DateTimeFormat([], { hour: "numeric", minute: "2-digit" });

export function element(tag, className, ...content) {
  const node = document.createElement(tag);
  node.className = className;
  node.append(...content);
  return node;
}

// A user's colour is the same everywhere, and nobody has to choose it.
function hue(name) {
  return [...name].reduce((sum, letter) => sum * 131 + letter.codePointAt(), 0) % 360;
}

export function person(tag, name, ...content) {
  const avatar = element("span", "avatar", [...name][0].toUpperCase());
  avatar.ariaHidden = "true";
  const node = element(tag, "person", avatar, ...content);
  node.style.setProperty("--hue", hue(name));
  node.dataset.user = name;
  return node;
}

function messageItem({ id, type, user, text, created }) {
  const time = element("time", "", clock.format(new Date(created)));
  time.dateTime = created;
  const bubble = element(
    "div", "bubble", element("b", "user", user), element("span", "text", text), time
  );
  const item = person("li", user, bubble);
  item.id = `message-${id}`;
  item.classList.add(type);
  return item;
}

// Return the new item, or nothing where the message is shown already.
export function showMessage(log, message) {
  if (document.querySelector(`#message-${message.id}`)) return;
  const item = messageItem(message);
  const before = log.lastElementChild;
  const follows =
    before?.classList.contains(message.type) && before.dataset.user === message.user;
  item.classList.toggle("follows", Boolean(follows));
  log.append(item);
  item.scrollIntoView({ block: "nearest" });
  return item;
}

export function hideMessage({ id }) {
  const item = document.querySelector(`#message-${id}`);
  item?.nextElementSibling?.classList.remove("follows");
  item?.remove();
}
