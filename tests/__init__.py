"""The tests of stopgo_mixins: one folder for each part of the package."""
