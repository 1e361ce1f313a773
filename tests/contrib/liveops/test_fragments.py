"""A page after the fragments that were swapped in."""

from __future__ import annotations

import re
import unittest

from channels_testkit.contrib.liveops.fragments import Page, Region, Shows, parse


def page(*fragments):
    made = Page()
    for fragment in fragments:
        made.swap(fragment)
    return made


def html_of(*fragments):
    return {name: r.html for name, r in page(*fragments).regions.items()}


def div(name, html="", where="true"):
    return f'<div id="{name}" hx-swap-oob="{where}">{html}</div>'


class SwapTests(unittest.TestCase):
    def test_an_element_replaces_the_one_with_its_id(self):
        self.assertEqual(
            html_of(div("a", "1"), div("a", "<b>2</b>")), {"a": "<b>2</b>"}
        )

    def test_what_a_region_has_held_is_kept_in_order(self):
        made = page(div("a", "1"), div("b", "2"), div("a", "3"))
        self.assertEqual([region.html for region in made.history["a"]], ["1", "3"])

    def test_an_element_is_added_at_the_end(self):
        added = '<div hx-swap-oob="beforeend:#log"><p>{}</p></div>'
        fragments = [added.format(1), added.format(2)]
        self.assertEqual(html_of(*fragments), {"log": "<p>1</p><p>2</p>"})

    def test_an_element_replaces_another_one(self):
        fragments = [div("old", "1"), div("new", "2", "outerHTML:#old")]
        self.assertEqual(html_of(*fragments), {"new": "2"})

    def test_elements_inside_are_regions_as_well(self):
        inner = '<p id="b">1</p><div><p id="c">2</p></div>'
        self.assertEqual(html_of(div("a", inner)), {"a": inner, "b": "1", "c": "2"})

    def test_what_was_inside_goes_with_it(self):
        inner = '<p id="b"><i id="c">1</i></p>'
        self.assertEqual(html_of(div("a", inner), div("a", "2")), {"a": "2"})

    def test_elements_that_say_nowhere_are_left_out(self):
        self.assertEqual(html_of('<p id="a">1</p>', "words", ""), {})

    def test_elements_without_an_id_are_left_out(self):
        self.assertEqual(html_of('<p hx-swap-oob="true">1</p>'), {})

    def test_several_elements_come_in_one_fragment(self):
        both = f"\n{div('a', '1')}\n{div('b', '2')}\n"
        self.assertEqual(html_of(both), {"a": "1", "b": "2"})


class ParseTests(unittest.TestCase):
    def test_markup_stays_as_it_was_written(self):
        inner = "<P CLASS=x>\n1 &amp; 2<br>3<img src='y'/></P>\n<!-- no --> 4"
        self.assertEqual(html_of(div("a", inner)), {"a": inner})

    def test_elements_that_are_not_ended_end_with_what_is_around(self):
        self.assertEqual(html_of(div("a", "<ul><li>1<li>2</ul>")), {
            "a": "<ul><li>1<li>2</ul>"
        })  # fmt: skip
        self.assertEqual(html_of('<p id="a" hx-swap-oob="true">1'), {"a": "1"})

    def test_an_end_without_a_beginning_is_passed_over(self):
        self.assertEqual(html_of(div("a", "1</b>2")), {"a": "1</b>2"})

    def test_classes_are_told(self):
        (element,) = parse('<p class="error big">')
        self.assertEqual(element.classes, {"error", "big"})
        self.assertEqual(parse("<p>")[0].classes, set())


class RegionTests(unittest.TestCase):
    region = Region("a", "\n<p>salt &amp;\n pepper</p>")

    def test_text_is_what_a_reader_sees(self):
        self.assertEqual(self.region.text, "salt & pepper")

    def test_words_and_markup_are_found(self):
        for wanted in ("salt & pepper", "&amp;", "<p>salt", None, re.compile("t . p")):
            with self.subTest(wanted):
                self.assertTrue(self.region.holds(wanted))

    def test_what_is_not_there_is_not_found(self):
        for wanted in ("sugar", "<b>", re.compile("^pepper")):
            with self.subTest(wanted):
                self.assertFalse(self.region.holds(wanted))

    def test_escaped_markup_is_not_markup(self):
        self.assertFalse(Region("a", "&lt;b&gt;").holds("<b>"))

    def test_space_is_empty(self):
        self.assertTrue(Region("a", "\n ").is_empty)
        self.assertFalse(self.region.is_empty)


class ShowsTests(unittest.TestCase):
    def test_a_fragment_is_judged_by_what_it_shows(self):
        self.assertTrue(Shows("a", "1")(div("a", "1")))
        self.assertTrue(Shows("a")(div("a", "1")))
        for other in (div("a", "2"), div("b", "1"), div("a"), None):
            with self.subTest(other):
                self.assertFalse(Shows("a", "1")(other))

    def test_it_says_what_it_wants(self):
        self.assertEqual(repr(Shows("a")), "Shows('a')")
        self.assertEqual(repr(Shows("a", "1")), "Shows('a', '1')")
        pattern = re.compile("1+")
        self.assertEqual(repr(Shows("a", pattern)), "Shows('a', a match of '1+')")
