from __future__ import annotations

import copy
import pickle

from django.test import SimpleTestCase

from channels_testkit import Handshake


class HandshakeTests(SimpleTestCase):
    def test_accepted_is_the_pair_of_channels_testing(self):
        handshake = Handshake(accepted=True, subprotocol="chat.v1")
        accepted, subprotocol = handshake
        self.assertTrue(accepted)
        self.assertEqual(subprotocol, "chat.v1")
        self.assertEqual((handshake[0], handshake[1]), (True, "chat.v1"))
        self.assertEqual(handshake[-1], "chat.v1")
        self.assertEqual(len(handshake), 2)
        self.assertEqual(handshake, (True, "chat.v1"))

    def test_rejected_pairs_with_its_code(self):
        handshake = Handshake(accepted=False, code=4401, reason="log in first")
        self.assertEqual(handshake, (False, 4401))
        self.assertNotEqual(handshake, (False, 4403))

    def test_denied_pairs_with_its_status(self):
        handshake = Handshake(accepted=False, status=403, body=b"no")
        self.assertEqual(handshake, (False, 403))

    def test_truth_is_whether_it_was_accepted(self):
        self.assertTrue(Handshake(accepted=True))
        self.assertFalse(Handshake(accepted=False, code=4401))

    def test_two_handshakes_are_equal_when_all_of_them_is(self):
        one = Handshake(accepted=False, code=4401, reason="log in first")
        self.assertEqual(one, copy.copy(one))
        self.assertNotEqual(one, Handshake(accepted=False, code=4401))

    def test_equal_ones_hash_alike(self):
        handshake = Handshake(accepted=True, subprotocol="chat.v1")
        self.assertEqual(len({handshake, (True, "chat.v1")}), 1)

    def test_a_copy_is_the_same(self):
        handshake = Handshake(accepted=False, code=4401, reason="log in first")
        for copied in (copy.deepcopy(handshake), pickle.loads(pickle.dumps(handshake))):
            self.assertEqual(copied, handshake)
            self.assertEqual(copied.reason, "log in first")

    def test_it_does_not_change(self):
        handshake = Handshake(accepted=True)
        with self.assertRaisesMessage(AttributeError, "A Handshake is read-only"):
            handshake.accepted = False

    def test_all_of_it_is_printed(self):
        self.assertEqual(
            repr(Handshake(accepted=False, code=4401)),
            "Handshake(accepted=False, subprotocol=None, code=4401, reason='',"
            " headers=[], status=None, body=b'')",
        )

    def test_an_index_beyond_the_pair_is_an_error(self):
        with self.assertRaises(IndexError):
            Handshake(accepted=True)[2]
