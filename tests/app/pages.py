"""Pages for a browser, each of one view and a few lines of script."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

ROOM = """
<ul id="log"></ul><input id="text"><button id="send">Send</button>
<script>
const socket = new WebSocket(location.origin.replace("http", "ws") + "/ws/room/1/");
socket.onopen = () => document.body.append(Object.assign(
  document.createElement("p"), {id: "status", textContent: "connected"}));
socket.onmessage = ({data}) => document.querySelector("#log").append(Object.assign(
  document.createElement("li"), {textContent: JSON.parse(data).text}));
document.querySelector("#send").onclick = () => socket.send(JSON.stringify(
  {text: document.querySelector("#text").value}));
</script>
"""

# It shows something else whenever its button is pressed.
CHANGING = """
<h1>Orders</h1>
<ul><li class="order">tea  for
two</li><li class="order" hidden>coffee</li></ul>
<input value="a query">
<button onclick="setTimeout(() => document.querySelector('[hidden]').hidden = false)">
Show</button>
<button onclick="setTimeout(() => document.querySelector('.order').remove())">
Remove</button>
"""

SOCKET = """
<p></p><script>
const socket = new WebSocket(location.origin.replace("http", "ws") + "%s");
socket.binaryType = "arraybuffer";
socket.onopen = () => { console.log("opened", 1, {a: 2}); %s };
socket.onerror = () => document.querySelector("p").textContent = "closed";
</script>
"""
# None may write with document.write(): where it comes before the page has
# loaded, the page never does.
PAGES = {
    "empty": "",
    "room": ROOM,
    "changing": CHANGING,
    # Leads to another page by itself.
    "leading": "<script>setTimeout(() => location = '/pages/room/', 20)</script>",
    "framed": "<iframe src='/pages/changing/'></iframe>",
    "reloading": """<p></p><script>
const times = sessionStorage.times = Number(sessionStorage.times ?? 0) + 1;
document.querySelector("p").textContent = `loaded ${times} times`;
if (times < 5) setTimeout(() => location.reload(), 20);
</script>""",
    "broken": "<script>\nmissing();\n</script>",
    # Of what is missing, the style sheet and the script are its own fault.
    "incomplete": """<link rel="stylesheet" href="/missing.css">
<link rel="icon" href="/missing.ico"><img src="/missing.png">
<script src="/missing.js"></script>
<p></p><script>
fetch("/missing.json").then(
  () => document.querySelector("p").textContent = "loaded");
console.error("no style");
</script>""",
    "rejecting": "<script>Promise.reject(new Error('not today'))</script>",
    # Somebody looks at the rejection in the end.
    "forgiving": """<p></p><script>
const promise = Promise.reject(new Error("not yet"));
setTimeout(() => promise.catch(
  () => document.querySelector("p").textContent = "caught"), 20);
</script>""",
    "unconnected": SOCKET % ("/ws/closed/", ""),
    "forbidding": """<meta http-equiv="Content-Security-Policy"
content="default-src 'unsafe-inline'">"""
    + SOCKET % ("/ws/echo/", ""),
    "streaming": """<p></p><a href="/pages/changing/">leave</a><script>
new EventSource("/stream/").onmessage = ({data}) =>
  document.querySelector("p").textContent = data;
</script>""",
    "binary": SOCKET
    % ("/ws/echo/", "socket.send(new Uint8Array([0, 1])); socket.send('plain')"),
    "worker": """<script>
new Worker(URL.createObjectURL(new Blob([`
  const socket = new WebSocket("ws://${location.host}/ws/echo/");
  socket.onopen = () => socket.send('{"from": "a worker"}');
`])));
</script>""",
    "storing": """<p></p><script>
document.querySelector("p").textContent =
  `${document.cookie}, ${localStorage.kept}, ${sessionStorage.kept}`;
document.cookie = "kept=1; path=/";
localStorage.kept = sessionStorage.kept = 1;
window.onbeforeunload = (event) => event.preventDefault();
</script>""",
}


def page(request: HttpRequest, name: str) -> HttpResponse:
    return HttpResponse(f'<!doctype html><link rel="icon" href="data:,">{PAGES[name]}')


def who(request: HttpRequest) -> HttpResponse:
    return HttpResponse(f"<p>{request.user.get_username() or 'nobody'}</p>")


def failing(request: HttpRequest) -> HttpResponse:
    raise ValueError("the view is broken")
