"""Lets tools that know no `setup.cfg` install the package; everything is declared there."""

from setuptools import setup

setup()
