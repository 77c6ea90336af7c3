"""Pods: what the operator reads of them, what that means, what a new one looks like and what a template may change."""
