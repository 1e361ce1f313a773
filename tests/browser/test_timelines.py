"""The diagram of a timeline, in a real browser."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from channels_testkit import Group
from channels_testkit.browser import BrowserTestCase
from channels_testkit.timeline.recording import Recording, record
from channels_testkit.timeline.timeline import Timeline

ATTACK = "</script><img src=x onerror=\"document.title = 'attacked'\"><!--"
FIND = "return [...document.querySelectorAll(arguments[0])]"
VISIBLE = ".filter((it) => it.getClientRects().length)"
#: Where an arrow begins and ends, and the middle of each lane.
PLACES = """
const [row] = arguments;
const middle = (box) => Math.round(box.left + box.width / 2);
const lanes = {};
for (const head of document.querySelectorAll(".lane"))
  lanes[head.title] = middle(head.getBoundingClientRect());
const arrow = row.querySelector(".arrow").getBoundingClientRect();
return [Math.round(arrow.left), Math.round(arrow.right), lanes];
"""


class DiagramTests(BrowserTestCase):
    #: The clients are those of the test, not of a page.
    check_leaks = "off"

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def open_diagram(self, timeline: Timeline) -> Any:
        path = timeline.write_html(self.folder / "timeline.html")
        return self.open_page(path.as_uri())

    def open_broadcast(self) -> Any:
        ann = self.connect("/ws/room/1/", name="ann")
        self.connect("/ws/room/1/", name="ben")
        ann.send_json({"text": "tea is ready"})
        Group("room-1").send({"type": "room.message", "content": ATTACK})
        self.settle()
        return self.open_diagram(self.timeline)

    def texts(self, browser: Any, selector: str) -> list[str]:
        script = f"{FIND}{VISIBLE}.map((it) => it.textContent)"
        found: list[str] = browser.execute_script(script, selector)
        return found

    def row(self, browser: Any, text: str) -> Any:
        rows = browser.find_elements("css selector", ".row")
        return next(row for row in rows if text in row.text)

    def type_in_filter(self, browser: Any, text: str) -> None:
        browser.find_element("css selector", "input").send_keys(text)

    def detail(self, browser: Any) -> str:
        text: str = browser.find_element("css selector", "aside pre").text
        return text

    def test_lanes_stand_in_order(self) -> None:
        browser = self.open_broadcast()
        self.assertEqual(
            self.texts(browser, ".lane span"),
            [
                *("the test", "ann", "RoomConsumer of ann"),
                *("ben", "RoomConsumer of ben", "group 'room-1'"),
            ],
        )

    def test_arrows_go_from_lane_to_lane(self) -> None:
        browser = self.open_broadcast()
        row = self.row(browser, 'text {"text": "tea is ready"}')
        left, right, lanes = browser.execute_script(PLACES, row)
        self.assertAlmostEqual(left, lanes["ann"], delta=2)
        self.assertAlmostEqual(right, lanes["RoomConsumer of ann"], delta=2)
        self.assertIn("right", row.find_element("tag name", "i").get_attribute("class"))

    def test_a_click_shows_the_payload(self) -> None:
        browser = self.open_broadcast()
        self.row(browser, "tea is ready").click()
        self.assertEqual(self.detail(browser), '{\n  "text": "tea is ready"\n}')
        chosen = browser.find_elements("css selector", "[aria-selected=true]")
        self.assertEqual(len(chosen), 1)

    def test_a_mouse_over_an_event_shows_it_as_well(self) -> None:
        from selenium.webdriver import ActionChains

        browser = self.open_broadcast()
        mouse = ActionChains(browser)
        mouse.move_to_element(self.row(browser, "tea is ready")).perform()
        self.assertIn("tea is ready", self.detail(browser))

    def test_keys_move_through_the_events(self) -> None:
        from selenium.webdriver import Keys

        browser = self.open_broadcast()
        events = browser.find_element("css selector", "main")
        title = browser.find_element("css selector", "aside h2")
        events.send_keys(Keys.ARROW_DOWN, Keys.ARROW_DOWN)
        self.assertTrue(title.text.startswith("2: group at +"), title.text)
        events.send_keys(Keys.ARROW_UP)
        self.assertTrue(title.text.startswith("1: frame at +"), title.text)
        events.send_keys(Keys.END)
        self.assertTrue(title.text.startswith(f"{len(self.timeline)}: "), title.text)
        events.send_keys(Keys.HOME, Keys.PAGE_DOWN)
        self.assertTrue(title.text.startswith("11: "), title.text)
        events.send_keys(Keys.PAGE_UP)
        self.assertTrue(title.text.startswith("1: "), title.text)
        events.send_keys(Keys.HOME, "/")
        focused = browser.switch_to.active_element
        self.assertEqual(focused.get_attribute("type"), "search")
        focused.send_keys("ben", Keys.ESCAPE)
        self.assertEqual(focused.get_attribute("value"), "")

    def test_a_screen_reader_says_who_does_what(self) -> None:
        browser = self.open_broadcast()
        row = self.row(browser, 'text {"text": "tea is ready"}')
        self.assertRegex(
            row.accessible_name,
            "^[0-9]+: ann \N{RIGHTWARDS ARROW} RoomConsumer of ann: "
            r'text {"text": "tea is ready"}, \+[\d.]+ s$',
        )
        for selector in (".lanes", "aside"):
            found = browser.find_element("css selector", selector)
            self.assertIsNone(found.get_attribute("aria-live"))
        self.assertEqual(found.accessible_name, "The chosen event")

    def test_the_filter_leaves_events_and_lanes_that_match(self) -> None:
        browser = self.open_broadcast()
        self.type_in_filter(browser, "BEN joins")
        self.assertEqual(self.texts(browser, ".row .words"), ["joins group 'room-1'"])
        self.assertEqual(
            self.texts(browser, ".lane span"), ["RoomConsumer of ben", "group 'room-1'"]
        )
        count = len(self.timeline)
        self.assertEqual(self.texts(browser, "output"), [f"1 of {count} events"])

    def test_what_users_send_is_text(self) -> None:
        browser = self.open_broadcast()
        self.row(browser, "sends to group 'room-1' (ann, ben) at").click()
        self.row(browser, "<img").click()
        self.assertIn("</script><img src=x onerror=", self.detail(browser))
        self.assertEqual(browser.find_elements("css selector", "img"), [])
        self.assertTrue(browser.title.startswith("Timeline of "))

    def test_nothing_is_loaded(self) -> None:
        browser = self.open_broadcast()
        script = "return performance.getEntriesByType('resource').length"
        self.assertEqual(browser.execute_script(script), 0)

    def test_dark_and_narrow(self) -> None:
        browser = self.open_broadcast()
        color = "return getComputedStyle(document.body).backgroundColor"
        light = browser.execute_script(color)
        scheme = {"name": "prefers-color-scheme", "value": "dark"}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        self.assertNotEqual(browser.execute_script(color), light)
        browser.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": 400, "height": 800, "deviceScaleFactor": 1, "mobile": False},
        )
        try:
            self.choose_each_in_view(browser)
            self.assertEqual(self.texts(browser, ".lane"), [])
            self.assertEqual(
                self.texts(browser, ".flow")[0],
                "ann \N{RIGHTWARDS ARROW} RoomConsumer of ann",
            )
            wide = "return document.querySelector('main').scrollWidth"
            self.assertLessEqual(browser.execute_script(wide), 400)
        finally:
            browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
            browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})

    def choose_each_in_view(self, browser: Any) -> None:
        from selenium.webdriver import Keys

        events = browser.find_element("css selector", "main")
        bottom = "return arguments[0].getBoundingClientRect().bottom"
        for _ in range(12):
            events.send_keys(Keys.ARROW_DOWN)
            row = browser.find_element("css selector", "[aria-selected=true]")
            self.assertLessEqual(
                browser.execute_script(bottom, row),
                browser.execute_script(bottom, events),
                row.text,
            )

    def test_many_events_are_drawn(self) -> None:
        recording = Recording()
        with recording:
            for number in range(3_000):
                record(None, tell_number, number)
        timeline = Timeline(recording, name="many", before_read=bool)
        browser = self.open_diagram(timeline)
        self.assertEqual(self.texts(browser, "output"), ["2,000 of 3,000 events"])
        self.assertIn("1,000 events", self.texts(browser, ".gap .words")[0])
        self.assertLessEqual(*self.place_after_going_up(browser))
        self.type_in_filter(browser, "n. 2999")
        self.assertEqual(self.texts(browser, ".row .words"), ["n. 2999"])

    def place_after_going_up(self, browser: Any) -> list[float]:
        """Return where the lanes' names end, and the chosen event begins."""
        from selenium.webdriver import Keys

        events = browser.find_element("css selector", "main")
        events.send_keys(Keys.END, *[Keys.ARROW_UP] * 30)
        box = "document.querySelector('{}').getBoundingClientRect()"
        ends, begins = box.format(".lanes"), box.format("[aria-selected=true]")
        places: list[float] = browser.execute_script(
            f"return [{ends}.bottom, {begins}.top]"
        )
        return places


def tell_number(story: Any, number: int) -> None:
    story.add("time", f"n. {number}")
