"""Task modules for the end-to-end tests, good and bad; part of the test image only."""
