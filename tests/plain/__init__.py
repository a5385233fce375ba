"""Tests of the plain API."""
