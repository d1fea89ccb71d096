"""The tiny run of Lightning, whose legs run in processes of their own."""

import unittest

from tests.tiny import TinyMixin


class InAProcess(TinyMixin, unittest.TestCase):
    isolation = "process"
