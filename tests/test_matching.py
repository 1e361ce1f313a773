from __future__ import annotations

import re
from collections import OrderedDict, namedtuple
from dataclasses import dataclass
from datetime import datetime, timezone
from decimal import Decimal
from types import MappingProxyType
from unittest.mock import ANY

from django.test import SimpleTestCase

from channels_testkit.matching import (
    Difference,
    asked_for,
    closest_name,
    first_difference,
    matches,
    nearest,
)

Point = namedtuple("Point", "x y")


@dataclass
class Seat:
    row: int


class Near:
    """A value with an equality of its own, as an approximation has."""

    def __init__(self, value):
        self.value = value

    def __eq__(self, other):
        return abs(self.value - other) < 0.1

    def __repr__(self):
        return f"near {self.value}"


class Even:
    def __call__(self, value):
        return value % 2 == 0

    def __repr__(self):
        return "Even()"


class Long:
    def __repr__(self):
        return "x" * 90


class Broken:
    def __repr__(self):
        raise ValueError


def is_even(value):
    return value % 2 == 0


class MatchingTestCase(SimpleTestCase):
    def assertMatch(self, expected, actual, **options):
        self.assertIsNone(first_difference(expected, actual, **options))
        self.assertTrue(matches(expected, actual, **options))

    def assertDifference(self, expected, actual, difference, **options):
        self.assertEqual(
            first_difference(expected, actual, **options), Difference(*difference)
        )
        self.assertFalse(matches(expected, actual, **options))


class EqualityTests(MatchingTestCase):
    def test_equal_values_match(self):
        moment = datetime(2026, 1, 2, tzinfo=timezone.utc)
        for value in [None, True, 0, 1.5, "", "hi", b"hi", [], {}, moment, {1, 2}]:
            with self.subTest(value=value):
                self.assertMatch(value, value)

    def test_equal_numbers_of_different_kinds_match(self):
        self.assertMatch(1, 1.0)
        self.assertMatch(Decimal("1.0"), 1)

    def test_different_values_differ_as_a_whole(self):
        self.assertDifference("hello", "hullo", ("", "'hello'", "'hullo'"))
        self.assertDifference("7", 7, ("", "'7'", "7"))
        self.assertDifference({"a": 1}, None, ("", "{'a': 1}", "None"))
        self.assertDifference({"a": 1}, [1], ("", "{'a': 1}", "[1]"))
        self.assertDifference(["a"], "a", ("", "['a']", "'a'"))

    def test_bool_is_not_a_number(self):
        self.assertDifference([1], [True], ("[0]", "1", "True"))
        self.assertDifference([True], [1], ("[0]", "True", "1"))
        self.assertDifference([0.0], [False], ("[0]", "0.0", "False"))
        self.assertDifference([Decimal(1)], [True], ("[0]", "Decimal('1')", "True"))

    def test_bools_match_and_differ(self):
        self.assertMatch([True, False], [True, False])
        self.assertDifference([True], [False], ("[0]", "True", "False"))

    def test_own_equality_is_used(self):
        self.assertMatch({"seat": Seat(1)}, {"seat": Seat(1)})
        self.assertMatch([Near(1)], [1.05])
        self.assertDifference(
            {"seat": Seat(1)}, {"seat": Seat(2)}, ("seat", "Seat(row=1)", "Seat(row=2)")
        )
        self.assertDifference([Near(1)], [2], ("[0]", "near 1", "2"))

    def test_mapping_that_is_not_a_dict_is_compared_by_equality(self):
        self.assertMatch({"a": 1}, MappingProxyType({"a": 1}))


class DictTests(MatchingTestCase):
    def test_order_of_keys_does_not_matter(self):
        self.assertMatch({"a": 1, "b": 2}, {"b": 2, "a": 1})

    def test_subclass_of_dict_is_a_dict(self):
        self.assertMatch({"a": int}, OrderedDict(a=1))
        self.assertMatch(OrderedDict(a=int, b=2), {"b": 2, "a": 1})
        self.assertMatch(OrderedDict(a=1, b=2), OrderedDict(b=2, a=1))

    def test_first_difference_is_by_the_text_of_the_key(self):
        self.assertDifference(
            {"z": 1, "b": 2, 10: 3}, {"z": 0, "b": 0, 10: 0}, ("[10]", "3", "0")
        )
        self.assertDifference({"z": 1, "b": 2}, {"z": 0, "b": 0}, ("b", "2", "0"))

    def test_missing_key_differs(self):
        self.assertDifference(
            {"a": None, "b": 1}, {"b": 1}, ("a", "None", "no such key")
        )

    def test_missing_key_differs_from_what_matches_anything(self):
        self.assertDifference({"a": ANY}, {}, ("a", "<ANY>", "no such key"))
        self.assertDifference(
            {"a": object}, {}, ("a", "an instance of object", "no such key")
        )

    def test_unexpected_keys_differ_after_the_expected_ones(self):
        self.assertDifference(
            {"z": 1}, {"c": 1, "b": 2, "z": 1}, ("b", "no such key", "2")
        )
        self.assertDifference({"z": 1}, {"b": 2, "z": 0}, ("z", "1", "0"))

    def test_path_names_the_nested_place(self):
        self.assertDifference(
            {"user": {"name": "ann"}},
            {"user": {"name": "ben"}},
            ("user.name", "'ann'", "'ben'"),
        )
        self.assertDifference(
            {"items": [{"id": 1}, {"id": 2}]},
            {"items": [{"id": 1}, {"id": 3}]},
            ("items[1].id", "2", "3"),
        )

    def test_key_that_is_not_an_identifier_is_in_brackets(self):
        self.assertDifference(
            {"odd key": {"a": {7: 1}}},
            {"odd key": {"a": {7: 2}}},
            ("['odd key'].a[7]", "1", "2"),
        )

    def test_long_key_is_cut(self):
        key = "x-" * 60
        self.assertDifference(
            {key: 1}, {}, (f"['{key[:79]} [truncated]...]", "1", "no such key")
        )


class ListTests(MatchingTestCase):
    def test_items_are_compared_in_order(self):
        self.assertMatch([1, {"a": [2]}], [1, {"a": [2]}])
        self.assertDifference([1, 2], [2, 1], ("[0]", "1", "2"))

    def test_missing_item_differs(self):
        self.assertDifference([1, 2], [1], ("[1]", "2", "nothing"))
        self.assertDifference([1, ANY], [1], ("[1]", "<ANY>", "nothing"))

    def test_unexpected_item_differs(self):
        self.assertDifference([1], [1, 2], ("[1]", "nothing", "2"))
        self.assertDifference([], [None], ("[0]", "nothing", "None"))

    def test_different_item_comes_before_a_missing_one(self):
        self.assertDifference([1, 2, 3], [1, 3], ("[1]", "2", "3"))

    def test_expected_tuple_matches_a_list(self):
        self.assertMatch((1, (2, int)), [1, [2, 3]])
        self.assertMatch((1, int), (1, 2))
        self.assertMatch(Point(1, int), [1, 2])
        self.assertDifference((1, 2), [1, 3], ("[1]", "2", "3"))

    def test_expected_list_does_not_match_a_tuple(self):
        self.assertDifference([1], (1,), ("", "[1]", "(1,)"))


class PartialTests(MatchingTestCase):
    def test_unexpected_keys_are_ignored_at_every_depth(self):
        self.assertMatch({}, {"a": 1}, partial=True)
        self.assertMatch(
            {"user": {"name": "ann"}, "items": [{"id": 1}, ({"id": 2},)]},
            {
                "user": {"name": "ann", "age": 7},
                "items": [{"id": 1, "x": 0}, [{"id": 2, "x": 0}]],
                "extra": None,
            },
            partial=True,
        )

    def test_missing_key_differs(self):
        self.assertDifference(
            {"user": {"name": "ann"}},
            {"user": {"age": 7}},
            ("user.name", "'ann'", "no such key"),
            partial=True,
        )

    def test_lists_must_be_of_equal_length(self):
        self.assertDifference(
            {"ids": [1]}, {"ids": [1, 2]}, ("ids[1]", "nothing", "2"), partial=True
        )


class TypeTests(MatchingTestCase):
    def test_instance_matches(self):
        self.assertMatch({"id": int, "tags": list}, {"id": 7, "tags": []})
        self.assertMatch([bool, object], [True, True])
        self.assertMatch(dict, {"a": 1})

    def test_other_value_differs(self):
        self.assertDifference(
            {"id": int}, {"id": "7"}, ("id", "an instance of int", "'7'")
        )

    def test_number_does_not_match_a_bool(self):
        self.assertDifference([int], [True], ("[0]", "an instance of int", "True"))
        self.assertDifference([float], [True], ("[0]", "an instance of float", "True"))

    def test_union_matches_each_of_its_types(self):
        self.assertMatch([int | None, int | None], [7, None])
        self.assertDifference(int | None, "7", ("", "an instance of int | None", "'7'"))
        self.assertDifference(
            [int | None], [True], ("[0]", "an instance of int | None", "True")
        )

    def test_parameterized_generic_is_refused(self):
        with self.assertRaisesMessage(
            TypeError,
            "list[int] cannot be matched, since isinstance() refuses it: expect list "
            "instead, or a predicate.",
        ):
            matches({"ids": list[int]}, {"ids": [1]})


class RegularExpressionTests(MatchingTestCase):
    def test_full_match_matches(self):
        self.assertMatch(re.compile(r"\d+"), "42")
        self.assertMatch(re.compile(rb"\d+"), b"42")

    def test_match_of_a_part_differs(self):
        self.assertDifference(
            {"id": re.compile(r"\d+")},
            {"id": "42a"},
            ("id", r"a match of r'\d+'", "'42a'"),
        )
        self.assertDifference(
            re.compile(rb"\d+"), b"a42", ("", r"a match of rb'\d+'", "b'a42'")
        )

    def test_pattern_is_written_as_a_raw_string(self):
        self.assertDifference(
            re.compile(r"'\w\\"), "x", ("", 'a match of r"\'\\w\\\\"', "'x'")
        )

    def test_value_of_another_kind_differs(self):
        self.assertDifference(re.compile(r"\d+"), 42, ("", r"a match of r'\d+'", "42"))
        self.assertDifference(
            re.compile(r"\d+"), b"42", ("", r"a match of r'\d+'", "b'42'")
        )
        self.assertDifference(
            re.compile(rb"\d+"), "42", ("", r"a match of rb'\d+'", "'42'")
        )


class PredicateTests(MatchingTestCase):
    def test_true_result_matches(self):
        self.assertMatch({"n": is_even}, {"n": 2})
        self.assertMatch(lambda value: [value], 1)

    def test_false_result_differs(self):
        self.assertDifference(
            {"n": is_even}, {"n": 3}, ("n", "a value for which is_even() is true", "3")
        )
        self.assertDifference(
            str.isdigit, "a", ("", "a value for which isdigit() is true", "'a'")
        )

    def test_async_predicate_is_refused(self):
        """It would match whatever comes, since a coroutine is true."""

        async def is_reply(payload):
            return False

        with self.assertRaisesMessage(
            TypeError,
            "is_reply() is async, and a predicate is called at once: use def.",
        ):
            matches({"id": is_reply}, {"id": 1})

    def test_predicate_without_a_name_is_shown(self):
        self.assertDifference(
            lambda value: None, 1, ("", "a value for which the lambda is true", "1")
        )
        self.assertDifference(Even(), 3, ("", "a value for which Even() is true", "3"))

    def test_exception_propagates(self):
        with self.assertRaises(TypeError):
            matches({"n": is_even}, {"n": None})


class AnyTests(MatchingTestCase):
    def test_any_matches_whatever_is_there(self):
        for value in [None, True, 0, [], {"a": 1}]:
            with self.subTest(value=value):
                self.assertMatch({"a": ANY}, {"a": value})


class LongValueTests(MatchingTestCase):
    def test_texts_of_80_characters_are_whole(self):
        self.assertDifference(
            "a" * 77 + "b", "a" * 77 + "c", ("", f"'{'a' * 77}b'", f"'{'a' * 77}c'")
        )

    def test_common_beginning_is_left_out(self):
        self.assertDifference(
            "a" * 100 + "left",
            "a" * 100 + "right",
            (
                "",
                f"[81 characters]...{'a' * 20}left'",
                f"[81 characters]...{'a' * 20}right'",
            ),
        )

    def test_short_common_beginning_is_kept(self):
        self.assertDifference(
            "a" * 10 + "left" * 20,
            "a" * 10,
            ("", f"'{'a' * 10}{'left' * 17}l [truncated]...", f"'{'a' * 10}'"),
        )

    def test_long_ending_is_cut(self):
        self.assertDifference(
            "a" * 100 + "b" * 100,
            "a" * 100,
            (
                "",
                f"[81 characters]...{'a' * 20}{'b' * 42} [truncated]...",
                f"[81 characters]...{'a' * 20}'",
            ),
        )

    def test_equal_texts_of_different_values_are_cut_at_the_start(self):
        self.assertDifference(
            Long(),
            Long(),
            ("", f"[70 characters]...{'x' * 20}", f"[70 characters]...{'x' * 20}"),
        )

    def test_value_whose_repr_fails_is_named(self):
        difference = first_difference(1, Broken())
        self.assertRegex(difference.actual, r"Broken object at 0x\w+>$")


class NearestTests(SimpleTestCase):
    def test_no_candidates_have_no_nearest(self):
        self.assertIsNone(nearest({"a": 1}, []))

    def test_fewest_wrong_leaves_are_nearest(self):
        expected = {"type": "chat", "user": {"name": "ann", "age": 7}}
        candidates = [
            {"type": "ping"},
            {"type": "chat", "user": {"name": "ben", "age": 7}},
            {"type": "chat", "user": {"name": "ben", "age": 8}},
        ]
        self.assertEqual(nearest(expected, candidates), 1)

    def test_same_kind_with_other_leaves_is_nearer_than_another_kind(self):
        self.assertEqual(nearest({"a": 1, "b": 2}, [5, {"a": 3, "b": 4}]), 1)
        self.assertEqual(nearest([1, 2], ["[1, 2]", [3, 4]]), 1)

    def test_wrong_leaves_weigh_more_than_unexpected_ones(self):
        candidates = [{"a": 2}, {"a": 1, "b": [1, 2], "c": {"d": 4}}]
        self.assertEqual(nearest({"a": 1}, candidates), 1)

    def test_fewest_unexpected_leaves_decide_between_equals(self):
        candidates = [{"a": 1, "b": [1, 2]}, {"a": 1, "b": 0}]
        self.assertEqual(nearest({"a": 1}, candidates), 1)

    def test_likeness_of_the_differing_parts_decides_between_equals(self):
        candidates = [{"text": "bye"}, {"text": "hullo"}, {"text": "seven"}]
        self.assertEqual(nearest({"text": "hello"}, candidates), 1)
        self.assertEqual(nearest("hello", ["bye", "hullo"]), 1)

    def test_first_of_the_same_is_taken(self):
        self.assertEqual(nearest("hello", ["hullo", "hullo"]), 0)

    def test_matching_candidate_is_nearest(self):
        self.assertEqual(nearest({"id": int}, [{"id": "7"}, {"id": 7}]), 1)

    def test_predicates_are_not_called(self):
        expected = {"n": [is_even], "pair": (is_even, 1), "id": int}
        candidates = [
            {"n": ["no number"], "pair": [None, 2], "id": 1},
            {"n": ["no number"], "pair": [None, 1], "id": 1},
        ]
        self.assertEqual(nearest(expected, candidates), 1)

    def test_only_the_first_hundred_equals_are_told_apart(self):
        candidates = [*["bye"] * 99, "hullo", "hello!"]
        self.assertEqual(nearest("hello", candidates), 99)


class ClosestNameTests(SimpleTestCase):
    def test_misspelling_finds_the_name(self):
        self.assertEqual(
            closest_name("chat_loby", ["news", "chat_lobby"]), "chat_lobby"
        )

    def test_any_iterable_is_taken(self):
        names = (name for name in ["chat_lobby"])
        self.assertEqual(closest_name("chat_loby", names), "chat_lobby")

    def test_nothing_alike_finds_nothing(self):
        self.assertIsNone(closest_name("chat", ["presence"]))
        self.assertIsNone(closest_name("chat", []))


class AskedForTests(SimpleTestCase):
    def test_keys_that_nobody_asks_for_are_left_out_at_every_depth(self) -> None:
        expected = {"user": {"name": "ann"}, "items": [{"id": 1}]}
        actual = {
            "user": {"name": "ben", "id": 7},
            "items": [{"id": 2, "text": "a"}, {"id": 3, "text": "b"}],
            "more": True,
        }
        self.assertEqual(
            asked_for(expected, actual),
            {
                "user": {"name": "ben"},
                "items": [{"id": 2}, {"id": 3, "text": "b"}],
            },
        )

    def test_what_is_of_another_kind_is_shown_whole(self) -> None:
        self.assertEqual(asked_for({"a": {"b": 1}}, {"a": [1]}), {"a": [1]})
        self.assertEqual(asked_for({"a": 1}, "text"), "text")
