import { element, hideMessage, person, showMessage } from "./messages.js";

const $ = (selector) => document.querySelector(selector);
const { slug, user: me } = $("#room").dataset;
const present = new Set();

// Keep a WebSocket open: dial again when the server goes away. A close code
// from 4000 up is the application's own word, such as "logged out".
function open(path, handle, status = () => {}) {
  const url = new URL(path, location.href);
  url.protocol = url.protocol.replace("http", "ws");
  const connection = {
    send: (frame) => connection.socket.send(JSON.stringify(frame)),
  };
  (function dial() {
    const socket = (connection.socket = new WebSocket(url));
    socket.onopen = () => status("connected");
    socket.onmessage = (event) => handle(JSON.parse(event.data), connection);
    socket.onclose = ({ code }) => {
      status("disconnected");
      if (code >= 4000) location.reload();
      else setTimeout(dial, 1000);
    };
  })();
  return connection;
}

function show(message) {
  const item = showMessage($("#log"), message);
  if (!item) return;
  if (message.user === me) return item.classList.add("mine");
  const button = element("button", "report", "⚑");
  button.title = button.ariaLabel = "Report";
  button.onclick = () => {
    chat.send({ type: "report", id: message.id });
    button.disabled = true;
  };
  item.append(button);
}

function showPresent() {
  $("#present").replaceChildren(
    ...[...present].sort().map((name) => person("li", name, name))
  );
}

function notify(text, className = "notice") {
  const notice = element("p", className, text);
  $("#notices").append(notice);
  return notice;
}

const handlers = {
  welcome(frame) {
    present.clear();
    frame.present.forEach((name) => present.add(name));
    showPresent();
    frame.history.forEach(show);
  },
  joined: ({ user }) => showPresent(present.add(user)),
  left: ({ user }) => showPresent(present.delete(user)),
  message: show,
  announcement: show,
  hidden: hideMessage,
  error({ errors }) {
    const notice = notify(errors.join(" "), "notice error");
    setTimeout(() => notice.remove(), 5000);
  },
};

const chat = open(
  `/ws/chat/${slug}/`,
  (frame) => handlers[frame.type](frame),
  (status) => {
    $("#status").textContent = $("#status").className = status;
    for (const button of $("#say").querySelectorAll("button")) {
      button.disabled = status !== "connected";
    }
  }
);

open("/ws/notifications/", ({ type, id, user, room, text }, connection) => {
  // One may come twice: among what is unread, and from the group.
  if (type !== "mention" || $(`#mention-${id}`)) return;
  const notice = notify(`${user} mentioned you in ${room}: ${text}`);
  notice.id = `mention-${id}`;
  notice.onclick = () => {
    connection.send({ type: "read", id });
    notice.remove();
  };
});

$("#say").onsubmit = (event) => {
  event.preventDefault();
  chat.send({ type: "say", text: $("#text").value });
  $("#text").value = "";
};

$("#dice").onclick = () => {
  const dice = new WebSocket(`${location.origin.replace("http", "ws")}/ws/dice/6/`);
  dice.onopen = () => dice.send("roll");
  dice.onmessage = (event) => {
    $("#text").value += `[rolled ${JSON.parse(event.data).value}] `;
    $("#text").focus();
    dice.close();
  };
};
